"""The video pipeline with a ControlNet in the place of ControlNeXt's encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from animate import devices
from animate.fingerprint import model_print
from animate.pipelines import ControlNeXtVideoPipeline
from temporal.controlnet import ControlNet

Run = Callable[..., Any]
TWO = ["cpu", "cpu"]
RISING = {"min_guidance_scale": 1.0, "max_guidance_scale": 3.0}


@pytest.fixture(scope="module")
def beside(pipeline: ControlNeXtVideoPipeline) -> Any:
    """The suite's pipeline, with a ControlNet whose zero convolutions are zero no more."""
    torch.manual_seed(5)
    part = ControlNet.from_unet(pipeline.unet, halvings=1, control_look="soft").eval()
    for layer in (*part.joins, part.middle, part.embedding.conv_out):
        nn.init.normal_(layer.weight, std=0.1)
    loaded = ControlNeXtVideoPipeline(**{**pipeline.components, "controlnext": part})
    loaded.set_progress_bar_config(disable=True)
    return loaded


@pytest.fixture(scope="module")
def go(beside: Any, picture: Image.Image, control: Tensor) -> Run:
    """Two quick steps in windows of 5 with overlap 2, as latents."""

    def call(frames: int = 7, pipeline: Any = beside, **settings: Any) -> Any:
        quick = {"num_inference_steps": 2, "window": 5, "overlap": 2, "output_type": "latent"}
        told = {"image": picture, "control": control[:frames], **quick, **settings}
        told.setdefault("generator", torch.Generator().manual_seed(3))
        return pipeline(**told).frames

    return call


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Workers on the same cores that each want all of them wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def hooks(pipeline: Any) -> int:
    every = (*pipeline.unet.modules(), *pipeline.controlnext.modules())
    return sum(len(one._forward_hooks) + len(one._forward_pre_hooks) for one in every)


def test_scale_says_how_much_and_0_is_the_base(run: Run, go: Run, control: Tensor) -> None:
    base, full = run(control_scale=0.0), go()
    assert torch.equal(go(control_scale=0.0), base)
    assert torch.equal(go(), full)  # the seed decides all
    assert 0 < torch.dist(go(control_scale=0.3), base) < torch.dist(full, base)
    assert not torch.equal(go(control=1 - control[:7]), full)


def test_beside_a_base_that_starts_from_drafts(beside: Any, go: Run, control: Tensor) -> None:
    part = ControlNet.from_config(beside.controlnext.config, drafted=True)
    part.load_state_dict(beside.controlnext.state_dict())
    drafted = ControlNeXtVideoPipeline(**{**beside.components, "controlnext": part})
    drafted.set_progress_bar_config(disable=True)
    one, other = (go(pipeline=drafted, drafts=drafts[:7]) for drafts in (control, 1 - control))
    assert not torch.equal(one, other)
    none = [go(pipeline=drafted, drafts=d, control_scale=0.0) for d in (control[:7], None)]
    assert torch.equal(*none)
    assert torch.equal(go(drafts=control[:7]), go())  # others do without


def test_one_that_has_learnt_nothing_changes_nothing(beside: Any, run: Run, go: Run) -> None:
    fresh = ControlNet.from_unet(beside.unet, halvings=1, control_look="soft").eval()
    untrained = ControlNeXtVideoPipeline(**{**beside.components, "controlnext": fresh})
    untrained.set_progress_bar_config(disable=True)
    assert torch.equal(go(pipeline=untrained, **RISING), run(control_scale=0.0, **RISING))


@pytest.mark.parametrize("blend", ["weighted", "shifted"])
@pytest.mark.parametrize("lanes", [["cpu"], TWO])
def test_workers_give_the_bits_of_one(blend: str, lanes: list[str], go: Run) -> None:
    alone = go(12, blend=blend, **RISING)
    assert torch.equal(go(12, blend=blend, devices=lanes, **RISING), alone)


def test_guidance_halves_may_run_apart(go: Run) -> None:
    torch.testing.assert_close(go(9, halves_apart=True), go(9), atol=1e-4, rtol=1e-4)


def test_what_little_memory_keeps_changes_nothing(go: Run) -> None:
    assert torch.equal(go(9, control_memory=0), go(9))


def test_steps_can_be_left_out(beside: Any, go: Run) -> None:
    calls: list[int] = []
    handle = beside.controlnext.middle.register_forward_hook(lambda *told: calls.append(1))
    go(num_inference_steps=4)
    every = len(calls)
    go(num_inference_steps=4, step_cache=9.0)
    handle.remove()
    assert len(calls) - every == every // 2  # the first step and the last


def test_a_run_goes_on_with_the_same_bits(go: Run) -> None:
    seen: list[Tensor] = []
    whole = go(num_inference_steps=3, on_step=lambda i, t, latents: seen.append(latents.clone()))
    assert torch.equal(go(num_inference_steps=3, latents=seen[0], steps_done=1), whole)


def test_nothing_is_left_behind_by_an_interrupt(beside: Any, go: Run) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    for lanes in (None, TWO):
        with pytest.raises(KeyboardInterrupt):
            go(12, devices=lanes, progress=interrupt)
        assert hooks(beside) == 0


@pytest.mark.slow  # torch takes its time
def test_a_compiled_unet_gives_the_same(beside: Any, go: Run) -> None:
    plain = go(5, num_inference_steps=1)
    try:
        beside.unet.compile(backend="eager", dynamic=False)
        torch.testing.assert_close(go(5, num_inference_steps=1), plain, atol=1e-4, rtol=1e-4)
    finally:
        beside.unet._compiled_call_impl = None


@pytest.fixture
def stored(beside: Any, tmp_path: Path) -> Any:
    """The pipeline as it is after being saved and loaded."""
    beside.save_pretrained(tmp_path)
    again = ControlNeXtVideoPipeline.from_pretrained(tmp_path)
    again.set_progress_bar_config(disable=True)
    return again


@pytest.mark.parametrize("way", ["none", "model", "group"])
def test_a_saved_pipeline_is_a_model(stored: Any, go: Run, way: str) -> None:
    assert isinstance(stored.controlnext, ControlNet)
    devices._offload(stored, "cpu", way)
    assert torch.equal(go(5, pipeline=stored), go(5))


def test_half_precision_comes_close(stored: Any, go: Run) -> None:
    exact, without = go(5), go(5, control_scale=0.0)
    error = torch.dist(go(5, pipeline=stored.to(torch.bfloat16)), exact)
    assert error < 0.2 * torch.dist(exact, without)


def test_the_journal_knows_one_control_from_another(beside: Any) -> None:
    before = model_print(beside)
    with torch.no_grad():
        beside.controlnext.middle.bias[0] += 1
        other = model_print(beside)
        beside.controlnext.middle.bias[0] -= 1
    assert model_print(beside) == before != other
