"""Training the embedded model's autoencoder: SVD's temporal decoder on single pictures.

Latents are drawn towards zero mean and unit spread per channel while training, so that they need
no scaling afterwards (``scaling_factor`` 1).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLTemporalDecoder
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from animate.training.batches import PART_WEIGHTS, to_unit
from animate.training.corpus import ClipStack
from animate.training.ema import Ema
from animate.training.schedule import Report, Schedule, load_state, save_state
from animate.training.spatial import spatial_only, tune_for_cpu, zero_temporal

CROP = 80  # pixels; the network is convolutional, and crops around the figure teach more a second
BATCH = 8
LATENT_NOISE = 0.05  # the decoder must forgive a denoiser's small errors
WHITENING = 0.02  # weight of the pull towards zero mean and unit spread
GRADIENT_SHARE = 1.0  # weight of the error of picture gradients: edges, not only colours
EMA = 0.998
SAVE_EVERY = 200


def crop_batch(stacks: list[ClipStack], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw crops ``(B, 3, CROP, CROP)`` in [-1, 1] with weights ``(B, 1, CROP, CROP)``.

    Two crops in three are centred on a pixel of the figure.
    """
    shares = np.array([len(stack) for stack in stacks], float)
    pictures, parts = [], []
    for _ in range(BATCH):
        stack = stacks[rng.choice(len(stacks), p=shares / shares.sum())]
        clip, frame = rng.integers(len(stack)), rng.integers(stack.frames.shape[1])
        top, left = _corner(stack.parts[clip, frame], rng)
        window = (slice(top, top + CROP), slice(left, left + CROP))
        pictures.append(stack.frames[clip, frame][window])
        parts.append(stack.parts[clip, frame][window])
    weights = torch.tensor(PART_WEIGHTS)[torch.from_numpy(np.stack(parts)).long()][:, None]
    return to_unit(np.stack(pictures)), F.max_pool2d(weights, 3, stride=1, padding=1)


def reconstruction_loss(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Weighted absolute error of colours and of picture gradients; ``(B, 3, H, W)``."""
    error = result - truth
    colour = (error.abs() * weight).mean()
    down = (error.diff(dim=-2).abs() * weight[..., 1:, :]).mean()
    right = (error.diff(dim=-1).abs() * weight[..., 1:]).mean()
    return colour + GRADIENT_SHARE * (down + right)


def whitening_loss(latents: Tensor) -> Tensor:
    """Squared mean and squared log spread of each channel of ``(B, C, h, w)``, averaged."""
    std, mean = torch.std_mean(latents, dim=(0, 2, 3))
    return (mean**2 + (std + 1e-6).log() ** 2).mean()


def train_autoencoder(
    vae: AutoencoderKLTemporalDecoder,
    stacks: list[ClipStack],
    state_file: Path,
    *,
    schedule: Schedule,
    seed: int,
    report: Report,
) -> None:
    """Train ``vae`` in place, leaving the averaged weights; continues from ``state_file``."""
    zero_temporal(vae)
    tune_for_cpu(vae)
    trained = [p for n, p in vae.named_parameters() if "temporal" not in n and "time_" not in n]
    optimizer = torch.optim.AdamW(trained, lr=schedule.peak, betas=(0.9, 0.99), weight_decay=1e-4)
    ema, step = Ema(vae, EMA), 0
    if state := load_state(state_file):
        step = _restore(state, vae, optimizer, ema)
    while step < schedule.steps:
        rng = np.random.default_rng([seed, step])  # by step: a resumed run sees the same batches
        torch.manual_seed(int(rng.integers(2**31)))
        schedule.apply(optimizer, step)
        loss = _step(vae, *crop_batch(stacks, rng))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        ema.update(vae, step)
        step += 1
        report(step, schedule.steps, float(loss.detach()))
        if step % SAVE_EVERY == 0 or step == schedule.steps:
            save_state(state_file, {
                "step": step, "vae": vae.state_dict(),
                "optimizer": optimizer.state_dict(), "ema": ema.state_dict(),
            })  # fmt: skip
    ema.copy_to(vae)


def _step(vae: AutoencoderKLTemporalDecoder, truth: Tensor, weight: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16), spatial_only(vae):
        latents = vae.encode(truth).latent_dist.mode()
        noisy = latents + LATENT_NOISE * torch.randn_like(latents)
        result = vae.decode(noisy, num_frames=1).sample
    loss = reconstruction_loss(result.float(), truth, weight)
    return loss + WHITENING * whitening_loss(latents.float())


def _corner(parts: NDArray[np.uint8], rng: np.random.Generator) -> tuple[int, int]:
    height, width = parts.shape
    top, left = int(rng.integers(height - CROP + 1)), int(rng.integers(width - CROP + 1))
    figure = np.argwhere(parts > 0)
    if len(figure) and rng.random() < 2 / 3:
        y, x = figure[rng.integers(len(figure))]
        top = int(np.clip(y - CROP // 2, 0, height - CROP))
        left = int(np.clip(x - CROP // 2, 0, width - CROP))
    return top, left


def _restore(
    state: dict[str, Any],
    vae: AutoencoderKLTemporalDecoder,
    optimizer: torch.optim.Optimizer,
    ema: Ema,
) -> int:
    vae.load_state_dict(state["vae"])
    optimizer.load_state_dict(state["optimizer"])
    ema.load_state_dict(state["ema"])
    return int(state["step"])
