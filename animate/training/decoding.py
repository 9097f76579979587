"""Teaching the picture model's decoder what a denoiser really hands it: latents with its errors.

An autoencoder learns from its own latents. Those of a small denoiser are off by a little
everywhere, which a decoder shows as grain in even places. So the denoiser, now fixed, says the
clean latents of noised portraits, and the decoder learns to make the portrait of those. Where it
cannot be sure it would blur; that there is as much contrast as in the truth counts as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from animate.training.autoencoder import reconstruction_loss
from animate.training.data import Batch, to_unit
from animate.training.joint import JointTask
from animate.training.objectives import clean_from_velocity
from animate.training.settings import StillLoss
from animate.training.task import Generators, rand, randn

# How noisy the portraits are at most, as a share of the schedule: beyond it a denoiser no longer
# says this portrait but some other, and nothing could be learned of pixels.
MOST_NOISE = 0.75
CONTRAST = 2.0  # weight of how strong edges are, beside where they are
SQUARE = 4  # pixels of the squares in which that is measured
FLOOR = 1e-4  # keeps the root's slope finite where all is even


class DecoderTask(JointTask):
    """Trains the autoencoder's decoder alone, on what the other parts make of portraits."""

    def __init__(self, parts: Mapping[str, Any], settings: StillLoss) -> None:
        super().__init__(parts, settings)
        self.module.requires_grad_(False)
        self.decoder: nn.Module = parts["vae"].decoder.requires_grad_(True)
        self.module = nn.ModuleDict({"decoder": self.decoder})
        self.rates = {}

    def loss(self, batch: Batch, rng: Generators) -> Tensor:
        """The weighted error of portraits decoded from denoised latents."""
        assert batch.latents is not None
        assert batch.weight is not None
        denoised = self._denoised(batch, rng)
        result = self.pipeline.vae.decode(denoised).sample.float()
        weight = F.max_pool2d(batch.weight, 3, stride=1, padding=1)
        truth = to_unit(batch.reference)
        exact = reconstruction_loss(result, truth, weight)
        return exact + CONTRAST * contrast_loss(result, truth, weight)

    @torch.no_grad()
    def _denoised(self, batch: Batch, rng: Generators) -> Tensor:
        """The clean latents that the denoiser sees in noised ones, at evenly drawn noise levels."""
        assert batch.latents is not None
        clean = batch.latents[:, 0].float()
        told = self.told(batch.captions, rng)
        noise, level = randn(clean, rng), MOST_NOISE * rand(rng, clean.device)
        noisy, time, _ = self._shown(clean, noise, level, level)
        velocity = self.steered(batch, noisy, time, told).float()
        alpha_bar = self.pipeline.scheduler.alphas_cumprod.to(clean.device)[time]
        return clean_from_velocity(noisy, velocity, alpha_bar)


def contrast_loss(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """By how much the strength of edges differs from square to square; pictures (B, 3, H, W).

    weight (B, 1, H, W): how much a pixel counts.
    """
    gap = (_strength(result) - _strength(truth)).abs()
    return (gap * F.avg_pool2d(weight, SQUARE)).mean()


def _strength(pictures: Tensor) -> Tensor:
    """Root mean square of the steps to the next pixels, down and right, in each square."""
    padded = F.pad(pictures, (0, 1, 0, 1), mode="replicate")
    down = (padded.diff(dim=-2)[..., :-1] ** 2).mean(dim=1, keepdim=True)
    right = (padded.diff(dim=-1)[..., :-1, :] ** 2).mean(dim=1, keepdim=True)
    return (F.avg_pool2d(down + right, SQUARE) + FLOOR).sqrt()
