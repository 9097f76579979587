"""Between which steps a control acts, held against diffusers' own ControlNet pipelines."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from animate.pipelines.image import Control, steered
from tests.animate.pipelines.stills import SIZE, Still

SCHEDULERS: list[Any] = [
    diffusers.EulerDiscreteScheduler,  # is told where a run begins
    diffusers.DDIMScheduler,  # is not
    diffusers.HeunDiscreteScheduler,  # nearly every timestep comes twice
    diffusers.PNDMScheduler,  # one timestep comes twice, and it is not told
]
every = pytest.mark.parametrize("scheduler", SCHEDULERS)
spans = pytest.mark.parametrize("span", [(0.0, 0.5), (0.5, 1.0), (0.15, 1.0), (0.0, 0.25)])
Span = tuple[float, float]


def parts_of(still: Still, scheduler: Any) -> dict[str, Any]:
    parts = still.pipeline.components
    return {**parts, "scheduler": scheduler.from_config(parts["scheduler"].config)}


def run(pipeline: Any, **told: Any) -> Tensor:
    pipeline.set_progress_bar_config(disable=True)
    quick = {"prompt": "a b", "num_inference_steps": 6, "output_type": "latent"}
    images: Tensor = pipeline(
        **{**quick, **told}, generator=torch.Generator().manual_seed(3)
    ).images
    return images


def told_of(span: Span) -> dict[str, Any]:
    return {
        "control_guidance_start": span[0],
        "control_guidance_end": span[1],
        "controlnet_conditioning_scale": 1.0,
    }


def run_steered(still: Still, pipeline: Any, shown: Tensor, span: Span, **told: Any) -> Tensor:
    part = still.parts["controlnet"]
    with steered(pipeline, Control(part=part, picture=shown, start=span[0], end=span[1])):
        return run(pipeline, **told)


@every
@spans
def test_from_noise(
    stills: dict[str, Still], still_map: Tensor, scheduler: Any, span: Span
) -> None:
    still = stills["sd15"]
    parts, net = parts_of(still, scheduler), still.parts["controlnet"]
    own = diffusers.StableDiffusionControlNetPipeline(**parts, controlnet=net)
    expected = run(own, image=still_map, **told_of(span))
    plain = diffusers.StableDiffusionPipeline(**parts)
    got = run_steered(still, plain, still_map, span, height=SIZE, width=SIZE)
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


@every
@spans
@pytest.mark.parametrize("strength", [0.5, 0.7])
def test_from_a_picture(
    stills: dict[str, Still], still_map: Tensor, scheduler: Any, span: Span, strength: float
) -> None:
    still = stills["sd15"]
    parts, net = parts_of(still, scheduler), still.parts["controlnet"]
    told = {"image": 1 - still_map, "strength": strength}
    own = diffusers.StableDiffusionControlNetImg2ImgPipeline(**parts, controlnet=net)
    expected = run(own, control_image=still_map, **told, **told_of(span))
    plain = diffusers.StableDiffusionImg2ImgPipeline(**parts)
    got = run_steered(still, plain, still_map, span, **told)
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("scheduler", SCHEDULERS[:2])
def test_a_run_that_is_broken_off_is_measured_whole(
    stills: dict[str, Still], still_map: Tensor, scheduler: Any
) -> None:
    still, span = stills["sdxl"], (0.0, 0.5)
    parts, net = parts_of(still, scheduler), still.parts["controlnet"]
    parts["add_watermarker"], told = False, {"denoising_end": 0.7}
    own = diffusers.StableDiffusionXLControlNetPipeline(**parts, controlnet=net)
    expected = run(own, image=still_map, **told, **told_of(span))
    plain = diffusers.StableDiffusionXLPipeline(**parts)
    got = run_steered(still, plain, still_map, span, height=SIZE, width=SIZE, **told)
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_sd3_from_a_picture(stills: dict[str, Still], still_map: Tensor) -> None:
    still, called = stills["sd3"], []
    plain = diffusers.StableDiffusion3Img2ImgPipeline(**still.pipeline.components)
    part = still.parts["controlnext"]
    handle = part.register_forward_hook(lambda module, args, output: called.append(args[1]))
    with steered(plain, Control(part=part, picture=still_map, end=0.5)):
        run(plain, image=1 - still_map, strength=0.5, num_inference_steps=8)
    handle.remove()
    expected = plain.scheduler.timesteps[4:6]
    assert [float(time[0]) for time in called] == [float(time) for time in expected]
