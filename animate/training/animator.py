"""The video task: SVD's denoiser and what controls it, trained with EDM's objective.

The same encoders and hooks as at sampling time add the control.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.stable_video_diffusion.pipeline_stable_video_diffusion import (
    _resize_with_antialiasing,
)
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional as F

from animate.pipelines.conditions import OFFICIAL_TIME_IDS, project_tokens, shows_all_tokens
from animate.training.data import Batch, to_share, to_unit
from animate.training.objectives import (
    centred,
    denoised_from_velocity,
    log_normal_sigmas,
    model_input,
    model_time,
    per_sample,
    velocity_loss,
)
from animate.training.settings import VideoLoss
from animate.training.task import Exporter, Generators, kept, own_precision, rand, randn
from temporal.beside import Beside
from temporal.control import join
from temporal.sites import Site

# CLIP's own normalisation, as a ``CLIPImageProcessor`` applies it.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
# SVD's (fps - 1, motion bucket, noise strength) where they are drawn at random: lowest, highest.
TIME_ID_RANGES = ((4.0, 60.0), (0.0, 255.0), (0.0, 0.2))
Shown = tuple[Tensor, Tensor | None]  # control (B, F, C, H, W) and drafts (B, F, c, h, w)
ENCODED_TOGETHER = 8  # frames a call of the autoencoder


class VideoTask:
    """Trains what of ``components`` has requires_grad, by their names in diffusers' pipelines.

    components: unet, image_encoder, vae (not needed if samples bring latents), and a control part
    under ``controlnext`` or ``controlnet``.
    """

    def __init__(
        self,
        components: Mapping[str, nn.Module],
        settings: VideoLoss,
        *,
        rates: Mapping[str, float] | None = None,
        write: Exporter | None = None,
    ) -> None:
        self.parts, self.settings = dict(components), settings
        self.rates: Mapping[str, float] = dict(rates or {})
        trained = {
            name: part
            for name, part in self.parts.items()
            if any(parameter.requires_grad for parameter in part.parameters())
        }
        self.module: nn.Module = nn.ModuleDict(trained)
        self._part: Any = self.parts.get("controlnet", self.parts.get("controlnext"))
        self._bounds = (settings.sigma_min, settings.sigma_max)
        self._write = write

    def place(self, device: torch.device) -> None:
        """See ``Task.place``."""
        for part in self.parts.values():
            part.to(device)

    def export(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """See ``Task.export``; done by the ``write`` this task was made with."""
        if self._write is not None:
            self._write(folder, weights)

    def notes(self) -> Sequence[str]:
        """See ``Task.notes``."""
        return [] if self._write is None else self._write.notes

    def loss(self, batch: Batch, rng: Generators) -> Tensor:
        """The weighted loss of a batch at random noise levels."""
        options, size = self.settings, len(batch)
        latents, reference = self._latents(batch)
        device, frames = latents.device, latents.shape[1]
        sigma = log_normal_sigmas(
            randn(latents[:, 0, 0, 0, 0], rng),
            mean=options.log_mean,
            std=options.log_std,
            bounds=self._bounds,
        )
        drafts = self._drafts(batch, reference)
        shown = kept(options.control_dropout, rng, device)
        noise = randn(latents, rng)
        if drafts is not None:
            start = torch.lerp(reference[:, None], drafts, per_sample(shown, drafts))
            noise = centred(noise, latents, start * self._factor, options.sigma_max)
        noisy = latents + per_sample(sigma, noise) * noise
        reference = reference + options.reference_noise * randn(reference, rng)
        keep = kept(options.reference_dropout, rng, device)
        reference = repeat(
            reference * per_sample(keep, reference), "b c h w -> b f c h w", f=frames
        )
        embedding = self.embed(to_unit(batch.reference))
        velocity = self._predict(
            torch.cat([model_input(noisy, sigma), reference], dim=2),
            model_time(sigma),
            embedding * per_sample(keep, embedding),
            self._time_ids(size, rng, device),
            (self._shown(batch), drafts),
            shown,
        )
        denoised = denoised_from_velocity(noisy, velocity.float(), sigma)
        weight = weight_at(batch.weight, (latents.shape[-2], latents.shape[-1]))
        return velocity_loss(denoised, latents, sigma, weight, options.huber)

    def embed(self, picture: Tensor) -> Tensor:
        """Image embeddings ``(B, T, D)`` of pictures ``(B, 3, H, W)`` in [-1, 1]."""
        encoder: Any = self.parts["image_encoder"]
        side = encoder.config.image_size
        resized = _resize_with_antialiasing(picture, (side, side))
        mean, std = (
            torch.tensor(values, device=picture.device)[:, None, None]
            for values in (CLIP_MEAN, CLIP_STD)
        )
        pixels = ((resized / 2 + 0.5 - mean) / std).to(encoder.dtype)
        output = encoder(pixels)
        if shows_all_tokens(encoder):
            return project_tokens(encoder, output.last_hidden_state)
        embeds: Tensor = output.image_embeds
        return embeds[:, None]

    def _shown(self, batch: Batch) -> Tensor:
        """Control ``(B, F, C, H, W)``: the frames' own, and what else the encoder sees."""
        control = to_share(batch.control)
        if not self._part.sees_reference:
            return control
        if batch.reference_control is None:
            return torch.cat([control, torch.zeros_like(control)], dim=2)
        beside = to_share(batch.reference_control)[:, None].expand_as(control)
        return torch.cat([control, beside], dim=2)

    def _drafts(self, batch: Batch, reference: Tensor) -> Tensor | None:
        """Latents ``(B, F, c, h, w)`` of the drafts, for an encoder that sees them.

        Where there are none, the reference's ``(B, c, h, w)``, as at sampling time.
        """
        if not self._part.sees_draft:
            return None
        if batch.drafts is None:
            return reference[:, None].expand(-1, batch.control.shape[1], -1, -1, -1)
        if "vae" not in self.parts:
            raise ValueError("drafts need an autoencoder")
        pixels = rearrange(to_unit(batch.drafts), "b f c h w -> (b f) c h w")
        encoded = encode(self.parts["vae"], pixels)
        return rearrange(encoded, "(b f) c h w -> b f c h w", b=len(batch))

    def _predict(
        self,
        sample: Tensor,
        time: Tensor,
        embedding: Tensor,
        time_ids: Tensor,
        control: Shown,
        shown: Tensor,
    ) -> Tensor:
        """The UNet's velocity with control for the samples whose ``shown`` ``(B,)`` is 1."""
        scale = repeat(shown, "b -> (b f)", f=sample.shape[1])
        with self._control(time, control, scale):
            velocity: Tensor = self.parts["unet"](
                sample, time, embedding, added_time_ids=time_ids
            ).sample
        return velocity

    def _control(self, time: Tensor, control: Shown, scale: Tensor) -> AbstractContextManager[Any]:
        shown, drafts = control
        part: Any = self._part
        joined = join(self.parts["unet"], part)
        if isinstance(joined, Beside):
            joined.set(part.prepare(shown), scale)
            return joined
        drafts = None if drafts is None else rearrange(drafts, "b f c h w -> (b f) c h w")
        strengths = [_strength(site, scale, part) for site in part.injection]
        joined.set(part(shown, time, drafts), strengths)
        return joined

    def _latents(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The clip's latents as the denoiser knows them, the reference's as they are encoded."""
        vae, factor = self.parts.get("vae"), self._factor
        if batch.latents is not None and batch.reference_latents is not None:
            return batch.latents.float() * factor, batch.reference_latents.float()
        if batch.frames is None or vae is None:
            raise ValueError("samples need latents, or frames and an autoencoder")
        frames = rearrange(to_unit(batch.frames), "b f c h w -> (b f) c h w")
        pixels = torch.cat([frames, to_unit(batch.reference)])
        encoded = encode(vae, pixels)
        clips = rearrange(encoded[: len(frames)], "(b f) c h w -> b f c h w", b=len(batch))
        return clips * factor, encoded[len(frames) :]

    @property
    def _factor(self) -> float:
        vae: Any = self.parts.get("vae")
        return float(vae.config.scaling_factor) if vae is not None else 1.0

    def _time_ids(self, size: int, rng: Generators, device: torch.device) -> Tensor:
        """SVD's (fps - 1, motion bucket, noise strength), ``(B, 3)``."""
        if not self.settings.random_time_ids:
            return torch.tensor([OFFICIAL_TIME_IDS], device=device).float().expand(size, 3)
        columns = [low + rand(rng, device) * (high - low) for low, high in TIME_ID_RANGES]
        return torch.stack(columns, dim=1)


def _strength(site: Site, shown: Tensor, part: Any) -> Tensor:
    """The scale ``(N,)`` at a site, for samples with control (``shown`` 1) and without (0)."""
    # The encoder's own scale counts, as when sampling. A sigmoid is nothing at -inf, not at 0.
    hidden = -math.inf if site.act == "sigmoid" else 0.0
    return torch.where(shown > 0, shown * part.scale, hidden)


@torch.no_grad()
def encode(vae: Any, pixels: Tensor) -> Tensor:
    """The posterior's mode ``(N, c, h, w)`` of pictures ``(N, 3, H, W)`` in [-1, 1], unscaled."""
    chunks = torch.split(pixels.to(vae.dtype), ENCODED_TOGETHER)
    with own_precision(vae):
        return torch.cat([vae.encode(chunk).latent_dist.mode() for chunk in chunks]).float()


def weight_at(weight: Tensor | None, size: tuple[int, int]) -> Tensor | None:
    """Loss weights ``(B, F, 1, h, w)`` at latent size from those of pixels ``(B, F, H, W)``.

    One cell of margin is added: an error just outside a finger is as visible as one on it.
    """
    if weight is None:
        return None
    pooled = F.adaptive_avg_pool2d(rearrange(weight, "b f h w -> (b f) 1 h w"), size)
    widened = F.max_pool2d(pooled, 3, stride=1, padding=1)
    return rearrange(widened, "(b f) c h w -> b f c h w", b=len(weight))
