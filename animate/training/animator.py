"""Training the embedded animator: denoiser, control encoder and image encoder together.

The same hook and encoder as at sampling time add the control; the objective is EDM's. First on
single frames with the temporal layers left out, then on clips.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import repeat
from torch import Tensor, nn
from torch.nn import functional as F

from animate.training.batches import Batch, LatentStack
from animate.training.ema import Ema
from animate.training.mini import SIGMA_MAX, SIGMA_MIN
from animate.training.objectives import (
    denoised_from_velocity,
    model_input,
    model_time,
    per_sample,
    sample_log_normal_sigmas,
    velocity_loss,
)
from animate.training.schedule import Report, Schedule, load_state, save_state
from animate.training.spatial import spatial_only, tune_for_cpu
from temporal.inject import Injector, inject

SIGMA_LOG_MEAN, SIGMA_LOG_STD = 1.2, 1.4  # high noise decides where the figure stands
REFERENCE_DROPOUT = 0.05
CONTROL_DROPOUT = 0.03
REFERENCE_NOISE = 0.02
EMA = 0.999
SAVE_EVERY = 200

# CLIP's own normalisation, as a ``CLIPImageProcessor`` applies it.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One stretch of training: ``frames`` a sample (1 = single pictures), ``batch`` samples."""

    name: str
    frames: int
    batch: int
    schedule: Schedule


class Animator(nn.Module):
    """The trained parts in one module: ``unet``, ``controlnext``, ``image_encoder``."""

    def __init__(self, components: dict[str, Any]) -> None:
        super().__init__()
        self.unet = components["unet"]
        self.controlnext = components["controlnext"]
        self.image_encoder = components["image_encoder"]

    def embed(self, picture: Tensor) -> Tensor:
        """Image embeddings ``(B, 1, D)`` of pictures ``(B, 3, H, W)`` in [-1, 1]."""
        side = self.image_encoder.config.image_size
        resized = F.interpolate(picture, (side, side), mode="bicubic", align_corners=True)
        mean, std = (torch.tensor(v)[:, None, None] for v in (CLIP_MEAN, CLIP_STD))
        embeds: Tensor = self.image_encoder((resized / 2 + 0.5 - mean) / std).image_embeds
        return embeds[:, None]

    def loss(self, batch: Batch, injector: Injector) -> Tensor:
        """Weighted loss of one batch at random noise levels (torch's global generator)."""
        size, frames = batch.latents.shape[:2]
        sigma = sample_log_normal_sigmas(
            size, mean=SIGMA_LOG_MEAN, std=SIGMA_LOG_STD, bounds=(SIGMA_MIN, SIGMA_MAX)
        )
        noise = torch.randn_like(batch.latents)
        noisy = batch.latents + per_sample(sigma, noise) * noise
        keep = (torch.rand(size) >= REFERENCE_DROPOUT).float()
        reference = batch.reference + REFERENCE_NOISE * torch.randn_like(batch.reference)
        reference = repeat(
            reference * per_sample(keep, noise)[:, 0], "b c h w -> b f c h w", f=frames
        )
        time = model_time(sigma)
        injector.set(None)
        if torch.rand(()) >= CONTROL_DROPOUT:
            injector.set(self.controlnext(batch.control, time))
        velocity = self.unet(
            torch.cat([model_input(noisy, sigma), reference], dim=2),
            time,
            self.embed(batch.picture) * per_sample(keep, noise)[:, :, 0, 0],
            added_time_ids=_random_time_ids(size),
        ).sample.float()
        denoised = denoised_from_velocity(noisy, velocity, sigma)
        return velocity_loss(denoised, batch.latents, sigma, batch.weight)


def train_phase(
    animator: Animator,
    stacks: list[LatentStack],
    state_file: Path,
    phase: Phase,
    *,
    seed: int,
    report: Report,
) -> None:
    """Train one phase in place and leave the averaged weights; continues from ``state_file``."""
    tune_for_cpu(animator.unet)
    tune_for_cpu(animator.controlnext)
    parameters = list(animator.parameters())
    optimizer = torch.optim.AdamW(
        parameters, lr=phase.schedule.peak, betas=(0.9, 0.99), weight_decay=1e-3, fused=True
    )
    ema, step = Ema(animator, EMA), 0
    if state := load_state(state_file):
        animator.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        ema.load_state_dict(state["ema"])
        step = int(state["step"])
    shares = np.array([len(stack.clips) for stack in stacks], float)
    shares /= shares.sum()
    site = animator.controlnext.injection
    while step < phase.schedule.steps:
        rng = np.random.default_rng([seed, phase.frames, step])  # a resumed run sees the same
        torch.manual_seed(int(rng.integers(2**31)))
        phase.schedule.apply(optimizer, step)
        batch = stacks[rng.choice(len(stacks), p=shares)].batch(phase.batch, phase.frames, rng)
        alone = spatial_only(animator.unet) if phase.frames == 1 else nullcontext()
        with alone, inject(animator.unet, site) as injector:
            with torch.autocast("cpu", torch.bfloat16):
                loss = animator.loss(batch, injector)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        ema.update(animator, step)
        step += 1
        report(step, phase.schedule.steps, float(loss.detach()))
        if step % SAVE_EVERY == 0 or step == phase.schedule.steps:
            save_state(state_file, {
                "step": step, "model": animator.state_dict(),
                "optimizer": optimizer.state_dict(), "ema": ema.state_dict(),
            })  # fmt: skip
    ema.copy_to(animator)


def _random_time_ids(size: int) -> Tensor:
    """SVD's (fps - 1, motion bucket, noise level), drawn at random ``(B, 3)``.

    The mini has no use for them and learns to ignore them, so that any setting is safe.
    """
    low, high = torch.tensor([4.0, 0.0, 0.0]), torch.tensor([60.0, 255.0, 0.2])
    return low + torch.rand(size, 3) * (high - low)
