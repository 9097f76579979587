"""Teaching the picture model's decoder what a denoiser really hands it: latents with its errors.

An autoencoder learns from its own latents. Those of a small denoiser are off by a little
everywhere, which a decoder shows as grain in even places. So the denoiser, now fixed, says the
clean latents of noised portraits, and the decoder learns to make the portrait of those.
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
        return reconstruction_loss(result, truth, weight)

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
