"""From noise to the clip's latents, on from where an interrupted run stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from animate.config import Resolved
from animate.fingerprint import model_print
from animate.journal import Facts, Journal, Standing
from animate.motion import Motion
from animate.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Generator, Tensor

    from animate.load import Model
    from animate.pipelines.spread import Helpers
    from animate.pipelines.video import ControlNeXtVideoPipeline

# Settings that decide what comes before or after the latents.
ELSEWHERE = ("model", "cache", "decode_chunk", "devices")


def denoise(
    model: Model,
    picture: NDArray[np.uint8],
    motion: Motion,
    settings: Resolved,
    *,
    fps: float,
    progress: Progress,
    journal: Journal,
    helpers: Helpers | None = None,
) -> Tensor:
    """Latents (1, F, C, h, w) of the clip on the CPU; every finished step goes into the journal.

    picture: (H, W, 3) as loaded; fps: of the result; helpers: see `pipelines.spread`. A leading
    reference frame is left out.
    """
    progress("denoise", 0, settings.steps)
    standing = journal.standing(_facts(model, settings))
    if standing is not None and standing.step == settings.steps:
        latents = standing.latents
        progress("denoise", settings.steps, settings.steps)
    else:
        latents = _run(model, picture, motion, settings, fps, progress, journal, standing, helpers)
    return latents[:, motion.lead :].cpu()


def _facts(model: Model, settings: Resolved) -> Facts:
    """All that decides the latents, besides poses and reference."""
    chosen = {name: value for name, value in vars(settings).items() if name not in ELSEWHERE}
    return {"model's weights": model_print(model.pipeline), **chosen}


def _run(
    model: Model,
    picture: NDArray[np.uint8],
    motion: Motion,
    settings: Resolved,
    fps: float,
    progress: Progress,
    journal: Journal,
    standing: Standing | None,
    helpers: Helpers | None,
) -> Tensor:
    """Latents (1, lead + F, C, h, w)."""
    import torch
    from PIL import Image

    from temporal.schedulers import has_memory

    width, height = settings.size
    framed = motion.framing.picture(picture)
    generator = torch.Generator("cpu").manual_seed(settings.seed)
    # Drawn also by a run that goes on: the random numbers after it must be the same.
    noise = still_noise(model.pipeline, len(motion), settings, generator)

    def keep(step: int, timestep: Tensor, latents: Tensor) -> None:
        last = step + 1 == settings.steps
        # From the middle of a run that remembers its steps, none goes on byte for byte.
        if last or not (settings.step_cache or has_memory(model.pipeline.scheduler)):
            journal.keep(Standing(step + 1, latents, generator.get_state()))

    latents: Tensor = model.pipeline(
        Image.fromarray(framed),
        motion.control,
        reference_control=motion.reference_control(),
        drafts=motion.drafts,
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
        devices=settings.devices or None,
        helpers=helpers,
        step_cache=settings.step_cache,
        generator=generator,
        latents=noise if standing is None else standing.latents,
        steps_done=0 if standing is None else standing.step,
        generator_state=None if standing is None else standing.generator,
        output_type="latent",
        on_step=keep,
        progress=lambda done, total: progress("denoise", done, total),
    ).frames
    return latents


def still_noise(
    pipeline: ControlNeXtVideoPipeline, frames: int, settings: Resolved, generator: Generator
) -> Tensor | None:
    """Unit noise (1, frames, C, h, w), the same in every frame; None if each has its own."""
    import torch

    if not settings.still_noise:
        return None
    width, height = (side // pipeline.vae_scale_factor for side in settings.size)
    one = (1, 1, pipeline.unet.config["out_channels"], height, width)
    return torch.randn(one, generator=generator).expand(1, frames, -1, -1, -1)
