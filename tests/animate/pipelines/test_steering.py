from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from animate.pipelines.image import Control, denoiser_of, steered
from animate.pipelines.steering import Steering
from temporal.errors import ControlError, InjectionError
from tests.animate.pipelines.stills import FAMILIES, METHODS, Still

ALL = [(family, method) for family in FAMILIES for method in METHODS]
every = pytest.mark.parametrize(("family", "method"), ALL)
SKIPPED = {
    "skip_guidance_layers": [0],
    "skip_layer_guidance_start": 0.0,
    "skip_layer_guidance_stop": 1.0,
    "num_inference_steps": 3,
}


def run(still: Still, control: Control, *, guess: bool = False, **settings: Any) -> Tensor:
    with steered(still.pipeline, control, guess=guess):
        return still.run(**settings)


@every
@pytest.mark.parametrize("guidance", [1.0, 5.0])
def test_maps_and_scales_must_be_of_the_pictures(
    stills: dict[str, Still], still_map: Tensor, family: str, method: str, guidance: float
) -> None:
    still, maps = stills[family], torch.cat([still_map, 1 - still_map])
    part = still.parts[method]
    with pytest.raises(ControlError, match="2 maps for 1 in"):
        run(still, Control(part=part, picture=maps), guidance_scale=guidance)
    two = Control(part=part, picture=still_map, scale=torch.tensor([0.0, 1.0]))
    with pytest.raises(ControlError, match="2 scales for 1 in"):
        run(still, two, guidance_scale=guidance)
    with pytest.raises(ControlError, match="2 maps for 3 in"):
        run(still, Control(part=part, picture=maps), prompt=["a"] * 3, guidance_scale=guidance)


@pytest.mark.parametrize("method", METHODS)
def test_each_picture_is_as_alone_where_layers_are_skipped(
    stills: dict[str, Still], still_map: Tensor, method: str
) -> None:
    still, maps = stills["sd3"], torch.cat([still_map, 1 - still_map])
    part = still.parts[method]
    noise = torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    many = {"num_images_per_prompt": 2, "latents": noise}
    got = run(still, Control(part=part, picture=maps), prompt=["a", "b"], **many, **SKIPPED)
    for number in range(4):
        control = Control(part=part, picture=maps[number // 2 :][:1])
        told: dict[str, Any] = {"prompt": "ab"[number // 2], "latents": noise[number:][:1]}
        alone = run(still, control, **told, **SKIPPED)
        torch.testing.assert_close(got[number:][:1], alone, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_guess_mode_steers_every_picture_where_layers_are_skipped(
    stills: dict[str, Still], still_map: Tensor, method: str
) -> None:
    still = stills["sd3"]
    control = Control(part=still.parts[method], picture=still_map)
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    told: dict[str, Any] = {"num_images_per_prompt": 2, "latents": noise}
    got = run(still, control, guess=True, **told, **SKIPPED)
    for number in range(2):
        told = {"latents": noise[number:][:1]}
        alone = run(still, control, guess=True, **told, **SKIPPED)
        torch.testing.assert_close(got[number:][:1], alone, atol=1e-3, rtol=1e-3)


@contextmanager
def compiled(still: Still, way: str) -> Iterator[None]:
    """The still with its denoiser compiled, as it was afterwards."""
    denoiser = denoiser_of(still.pipeline)
    blocks = [denoiser] if way == "in place" else list(denoiser.transformer_blocks)
    try:
        if way == "around":
            still.pipeline.transformer = torch.compile(denoiser, backend="eager")
        else:
            for block in blocks:
                block.compile(backend="eager")
        yield
    finally:
        still.pipeline.transformer = denoiser
        for block in blocks:
            block._compiled_call_impl = None
        torch.compiler.reset()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("way", ["around", "in place", "by blocks"])
def test_a_denoiser_that_was_compiled_without_control_follows_it(
    stills: dict[str, Still], still_map: Tensor, way: str, method: str
) -> None:
    still = stills["sd3"]
    control = Control(part=still.parts[method], picture=still_map)
    plain, expected = still.run(), run(still, control)
    with compiled(still, way):
        for _ in range(2):
            torch.testing.assert_close(still.run(), plain, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(run(still, control), expected, atol=1e-4, rtol=1e-4)


def test_compiling_goes_on_when_the_last_is_gone(
    stills: dict[str, Still], still_map: Tensor
) -> None:
    still, graphs = stills["sd3"], []

    def note(graph: Any, examples: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    double = torch.compile(lambda value: value * 2, backend=note)
    control = Control(part=still.parts["controlnext"], picture=still_map)
    with compiled(still, "by blocks"):
        first, second = (Steering(denoiser_of(still.pipeline), [control]) for _ in range(2))
        with pytest.raises(InjectionError):
            Steering(
                denoiser_of(still.pipeline),
                [Control(part=stills["sd15"].parts["controlnext"], picture=still_map)],
            )
        first.remove()
        double(torch.ones(2))
        assert not graphs
        second.remove()
        second.remove()
        double(torch.ones(2))
        assert len(graphs) == 1


def test_a_torch_that_cannot_hold_back_says_so(
    stills: dict[str, Still], still_map: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = stills["sd3"]
    monkeypatch.delattr(torch.compiler, "set_stance")
    control = Control(part=still.parts["controlnext"], picture=still_map)
    with compiled(still, "around"), pytest.raises(ControlError, match=r"torch 2\.6"):
        run(still, control)
