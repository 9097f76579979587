"""Training the embedded autoencoders on single pictures: SVD's temporal one, and plain ones.

Latents are drawn towards zero mean and unit spread per channel while training, so that they need
no scaling afterwards (``scaling_factor`` 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderKL, AutoencoderKLTemporalDecoder
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from animate.training.data import Batch, to_unit
from animate.training.spatial import spatial_only, zero_temporal
from animate.training.task import Generators, randn

LATENT_NOISE = 0.05  # the decoder must forgive a denoiser's small errors
WHITENING = 0.02  # weight of the pull towards zero mean and unit spread
CERTAIN = -20.0  # ln of the variance of latents
GRADIENT_SHARE = 1.0  # weight of the error of picture gradients: edges, not only colours


class AutoencoderTask:
    """Trains ``vae`` on pictures, its temporal layers, if any, made and kept the identity."""

    def __init__(self, vae: AutoencoderKLTemporalDecoder | AutoencoderKL) -> None:
        zero_temporal(vae)
        for name, parameter in vae.named_parameters():
            parameter.requires_grad_("temporal" not in name and "time_" not in name)
        self.vae = vae
        self.module: nn.Module = vae
        self.rates: Mapping[str, float] = {}

    def place(self, device: torch.device) -> None:
        """See ``Task.place``; everything is in the module."""

    def loss(self, batch: Batch, rng: Generators) -> Tensor:
        """The weighted error of reconstructed pictures, and the pull on the latents."""
        assert batch.frames is not None
        assert batch.weight is not None
        truth = rearrange(to_unit(batch.frames), "b f c h w -> (b f) c h w")
        weight = rearrange(batch.weight, "b f h w -> (b f) 1 h w")
        weight = F.max_pool2d(weight, 3, stride=1, padding=1)
        with spatial_only(self.vae):
            latents = self.vae.encode(truth).latent_dist.mode()
            noisy = latents + LATENT_NOISE * randn(latents, rng)
            result = self._decoded(noisy)
        loss = reconstruction_loss(result.float(), truth, weight)
        return loss + WHITENING * whitening_loss(latents.float())

    def _decoded(self, latents: Tensor) -> Tensor:
        timed = isinstance(self.vae, AutoencoderKLTemporalDecoder)
        sample: Tensor = self.vae.decode(latents, **({"num_frames": 1} if timed else {})).sample
        return sample

    def export(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write the autoencoder as diffusers does."""
        self.vae.load_state_dict(dict(weights))
        self.vae.save_pretrained(folder, safe_serialization=True)

    def notes(self) -> Sequence[str]:
        """See ``Task.notes``."""
        return []


@torch.no_grad()
def settle_posterior(vae: AutoencoderKLTemporalDecoder | AutoencoderKL) -> None:
    """Say of every latent that it is certain, in place: draws from the posterior are its middle.

    How sure an encoder is has not been trained here, and whoever draws, as many training scripts
    do, would get latents that are half noise.
    """
    last: nn.Module = vae.quant_conv if vae.quant_conv is not None else vae.encoder.conv_out
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    spreads = slice(last.out_channels // 2, None)  # logarithms of variances, after the means
    last.weight[spreads] = 0.0
    last.bias[spreads] = CERTAIN


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
