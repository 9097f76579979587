"""Animate a reference picture with the motion of a video: what README shows first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from animate.config import Resolved, settings_from
from animate.driving import Driving, open_driving
from animate.framing import Framing, choose_size
from animate.motion import Found, Motion, find, place
from animate.progress import Progress, Report, ignore, unheard
from animate.result import Result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Generator, Tensor

    from animate.load import Model
    from animate.pipelines.video import ControlNeXtVideoPipeline


def animate(
    driving: str | os.PathLike[str],
    ref: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    report: Report | None = None,
    **settings: Any,
) -> Result:
    """Make the character in picture `ref` move like the person in video `driving`.

    driving may also be a keypoint file (npz or OpenPose JSON), a folder of JSON files or pictures,
    or finished skeletons. settings: see animate.config.Settings. progress(stage, done, total)
    follows the stages track, load and denoise; report(line) gets what was decided. Frames are
    decoded when they are asked for. Raises AnimateError, pose.PoseError or temporal.TemporalError.
    """
    from animate.load import load_model
    from pose.video import load_image

    asked = settings_from(settings)
    progress, report = progress or ignore, report or unheard
    source = open_driving(driving, asked)
    picture = load_image(ref)
    found = find(source, picture, asked, progress)  # before the model: it may find nobody
    for line in _describe_driving(source, found):
        report(line)
    progress("load", 0, 1)
    model = load_model(asked)
    progress("load", 1, 1)
    size = choose_size(_size_of(picture), model.defaults, model.pipeline.size_multiple, asked.size)
    decided = asked.resolve(model.defaults, size=size, device=model.device, dtype=model.dtype)
    for line in _describe(asked.size, decided, source, picture, model):
        report(line)
    motion = place(source, found, decided, model.look)
    latents = _denoise(model, picture, motion, source.fps, decided, progress)
    return Result(
        settings=decided, motion=motion, driving=source, latents=latents, pipeline=model.pipeline
    )


def _denoise(
    model: Model,
    picture: NDArray[np.uint8],
    motion: Motion,
    fps: float,
    settings: Resolved,
    progress: Progress,
) -> Tensor:
    """Latents (1, F, C, h, w) of the clip on the CPU; fps: of the result."""
    import torch
    from PIL import Image

    progress("denoise", 0, settings.steps)
    width, height = settings.size
    framed = Framing(_size_of(picture), settings.size).picture(picture)
    generator = torch.Generator("cpu").manual_seed(settings.seed)
    noise = None
    if settings.still_noise:
        noise = _still_noise(model.pipeline, len(motion), settings.size, generator)
    latents: Tensor = model.pipeline(
        Image.fromarray(framed),
        motion.control,
        num_frames=len(motion),
        height=height,
        width=width,
        num_inference_steps=settings.steps,
        min_guidance_scale=settings.guidance_ends[0],
        max_guidance_scale=settings.guidance_ends[1],
        fps=model.defaults.told_rate(fps),
        motion_bucket_id=settings.motion_bucket,
        noise_aug_strength=settings.noise_aug,
        control_scale=settings.control_scale,
        window=settings.window,
        overlap=settings.overlap,
        blend=settings.windows,
        ramp=settings.ramp,
        official=settings.official,
        halves_apart=settings.halves_apart,
        generator=generator,
        latents=noise,
        output_type="latent",
        progress=lambda done, total: progress("denoise", done, total),
    ).frames
    return latents[:, motion.lead :].cpu()


def _still_noise(
    pipeline: ControlNeXtVideoPipeline,
    frames: int,
    size: tuple[int, int],
    generator: Generator,
) -> Tensor:
    """Unit noise (1, frames, C, h, w), the same in every frame."""
    import torch

    width, height = (side // pipeline.vae_scale_factor for side in size)
    one = (1, 1, pipeline.unet.config["out_channels"], height, width)
    return torch.randn(one, generator=generator).repeat(1, frames, 1, 1, 1)


def _size_of(picture: NDArray[np.uint8]) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]


def _describe(
    asked_size: tuple[int, int] | None,
    settings: Resolved,
    driving: Driving,
    picture: NDArray[np.uint8],
    model: Model,
) -> Iterator[str]:
    """What is going to happen, line by line."""
    width, height = settings.size
    frames = len(driving) + int(settings.reference_first)
    if asked_size is not None and asked_size != settings.size:
        yield (
            f"Size {asked_size[0]}x{asked_size[1]} rounded to {width}x{height}: "
            f"the model works in multiples of {model.pipeline.size_multiple}"
        )
    yield f"Model {model.name}: {model.why}; on {model.device} in {model.dtype}"
    yield (
        f"{driving.kind} {driving.size[0]}x{driving.size[1]}, reference "
        f"{picture.shape[1]}x{picture.shape[0]} -> result {width}x{height}, "
        f"{len(driving)} frames at {driving.fps:g} per second"
    )
    yield (
        f"{_windows(frames, settings)}, {_count(settings.steps, 'step')}, "
        f"guidance {_guidance(settings)}, control {settings.control_scale:g}, "
        f"seed {settings.seed}{', as the reference does' if settings.official else ''}"
    )


def _windows(frames: int, settings: Resolved) -> str:
    from temporal.windows import plan_windows

    plan = plan_windows(frames, settings.window, settings.overlap, blend=settings.windows)
    if len(plan) == 1:
        return f"One window of {_count(frames, 'frame')}"
    kind = "shifted" if settings.windows == "shifted" else f"overlap {settings.overlap}"
    return f"{len(plan)} windows of up to {max(map(len, plan))} frames, {kind}"


def _guidance(settings: Resolved) -> str:
    low, high = settings.guidance_ends
    return f"{low:g}" if low == high else f"{low:g} to {high:g} over the {settings.ramp}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _describe_driving(driving: Driving, found: Found) -> Iterator[str]:
    """What was met in the driving source that the user should know of."""
    from pose.report import preflight

    if found.tracked is None:
        yield "The skeletons steer the model as they are: nothing is fitted to the reference"
        return
    if driving.damaged is not None:
        yield (
            f"The driving video is damaged at {driving.damaged:.2f} s: only the "
            f"{len(found.tracked)} frames before that are used"
        )
    for finding in preflight(found.tracked).findings:
        yield f"{finding.level.capitalize()}: {finding.text}"
