"""Animate a reference picture with the motion of a video: what README shows first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from animate.config import Resolved, settings_from
from animate.framing import Framing, choose_size
from animate.motion import Motion, follow
from animate.progress import Progress, Report, ignore, unheard
from animate.result import Result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Generator, Tensor

    from animate.load import Model
    from animate.pipelines.video import ControlNeXtVideoPipeline
    from pose.video import Clip

MAX_NAMED = 12  # frame numbers spelled out in a message


def animate(
    driving: str | os.PathLike[str],
    ref: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    report: Report | None = None,
    **settings: Any,
) -> Result:
    """Make the character in picture `ref` move like the person in video `driving`.

    settings: see animate.config.Settings. progress(stage, done, total) follows the stages load,
    track and denoise; report(line) gets what was decided. Frames are decoded when they are asked
    for. Raises AnimateError, pose.PoseError or temporal.TemporalError.
    """
    from animate.load import load_model
    from pose.video import load_image, open_video

    asked = settings_from(settings)
    progress, report = progress or ignore, report or unheard
    clip = open_video(driving, fps=asked.fps, stride=asked.stride, frames=asked.frames)
    picture = load_image(ref)
    progress("load", 0, 1)
    model = load_model(asked)
    progress("load", 1, 1)
    size = choose_size(_size_of(picture), model.defaults, model.pipeline.size_multiple, asked.size)
    decided = asked.resolve(model.defaults, size=size, device=model.device, dtype=model.dtype)
    for line in _describe(asked.size, decided, clip, picture, model):
        report(line)
    motion = follow(clip, picture, decided, model.look, progress)
    for line in _describe_motion(motion, clip):
        report(line)
    latents = _denoise(model, picture, motion, decided, progress)
    return Result(
        settings=decided, motion=motion, clip=clip, latents=latents, pipeline=model.pipeline
    )


def _denoise(
    model: Model,
    picture: NDArray[np.uint8],
    motion: Motion,
    settings: Resolved,
    progress: Progress,
) -> Tensor:
    """Latents (1, F, C, h, w) of the clip on the CPU."""
    import torch
    from PIL import Image

    progress("denoise", 0, settings.steps)
    width, height = settings.size
    framed = Framing(_size_of(picture), settings.size).picture(picture)
    generator = torch.Generator("cpu").manual_seed(settings.seed)
    noise = None
    if settings.still_noise:
        noise = _still_noise(model.pipeline, len(motion.steering), settings.size, generator)
    latents: Tensor = model.pipeline(
        Image.fromarray(framed),
        motion.control,
        num_frames=len(motion.steering),
        height=height,
        width=width,
        num_inference_steps=settings.steps,
        min_guidance_scale=settings.guidance,
        max_guidance_scale=settings.guidance,
        control_scale=settings.control_scale,
        window=settings.window,
        overlap=settings.overlap,
        blend=settings.blend,
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
    clip: Clip,
    picture: NDArray[np.uint8],
    model: Model,
) -> Iterator[str]:
    """What is going to happen, line by line."""
    width, height = settings.size
    frames = len(clip) + int(settings.reference_first)
    if asked_size is not None and asked_size != settings.size:
        yield (
            f"Size {asked_size[0]}x{asked_size[1]} rounded to {width}x{height}: "
            f"the model works in multiples of {model.pipeline.size_multiple}"
        )
    yield f"Model {model.name}: {model.why}; on {model.device} in {model.dtype}"
    yield (
        f"Driving video {clip.size[0]}x{clip.size[1]}, reference "
        f"{picture.shape[1]}x{picture.shape[0]} -> result {width}x{height}, "
        f"{len(clip)} frames at {clip.fps:g} per second"
    )
    yield (
        f"{_windows(frames, settings)}, {_count(settings.steps, 'step')}, "
        f"guidance {settings.guidance:g}, control {settings.control_scale:g}, seed {settings.seed}"
    )


def _windows(frames: int, settings: Resolved) -> str:
    from temporal.windows import plan_windows

    plan = plan_windows(frames, settings.window, settings.overlap, blend=settings.blend)
    if len(plan) == 1:
        return f"One window of {_count(frames, 'frame')}"
    longest = max(map(len, plan))
    return f"{len(plan)} windows of up to {longest} frames, overlap {settings.overlap}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _describe_motion(motion: Motion, clip: Clip) -> Iterator[str]:
    """What the tracker met with that the user should know of."""
    if clip.damaged is not None:
        yield (
            f"The driving video is damaged at {clip.damaged:.2f} s: only the "
            f"{len(motion.tracked)} frames before that are used"
        )
    filled = motion.tracked.filled
    if filled:
        named = ", ".join(map(str, filled[:MAX_NAMED]))
        more = f" and {len(filled) - MAX_NAMED} more" if len(filled) > MAX_NAMED else ""
        yield (
            f"No person seen in {len(filled)} of {len(motion.tracked)} frames, filled in from "
            f"their neighbours: {named}{more}"
        )
