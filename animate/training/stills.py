"""The task of pictures: Stable Diffusion 1.5, XL and 3, steered by control and a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from animate.pipelines.image import control_latents, denoiser_of, short_prompts
from animate.pipelines.steering import Control, Steering
from animate.training.animator import weight_at
from animate.training.data import Batch, to_share, to_unit
from animate.training.objectives import (
    diffusion_target,
    flow_point,
    flow_target,
    logit_normal_shares,
    noised,
    weighted_mse,
)
from animate.training.settings import StillLoss
from animate.training.task import Exporter, Generators, kept, own_precision, rand, randn

FLOW_STEPS = 1000  # what SD3's transformer calls pure noise
Prompt = dict[str, Any]  # a denoiser's keywords


class StillTask:
    """Trains what of a pipeline's denoiser and of the control part has requires_grad.

    pipeline: of diffusers, StableDiffusionPipeline or its XL and 3 forms; family: sd15, sdxl, sd3.
    part: the control part, see ``animate.pipelines.steering.Control``; method: its kind.
    """

    def __init__(
        self,
        pipeline: Any,
        settings: StillLoss,
        *,
        family: str,
        method: str,
        part: Any = None,
        rates: Mapping[str, float] | None = None,
        write: Exporter | None = None,
    ) -> None:
        self.pipeline, self.settings = pipeline, settings
        self.family, self.method, self.part = family, method, part
        self.rates: Mapping[str, float] = dict(rates or {})
        self._write = write
        name = "transformer" if family == "sd3" else "unet"
        self.denoiser: nn.Module = denoiser_of(pipeline)
        candidates = {name: self.denoiser, method: part}
        self.module: nn.Module = nn.ModuleDict({
            name: one
            for name, one in candidates.items()
            if one is not None and any(p.requires_grad for p in one.parameters())
        })  # fmt: skip

    def place(self, device: torch.device) -> None:
        """See ``Task.place``."""
        self.pipeline.to(device)
        if self.part is not None:
            self.part.to(device)

    def export(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """See ``Task.export``; done by the ``write`` this task was made with."""
        if self._write is not None:
            self._write(folder, weights)

    def notes(self) -> Sequence[str]:
        """See ``Task.notes``."""
        return [] if self._write is None else self._write.notes

    def loss(self, batch: Batch, rng: Generators) -> Tensor:
        """The weighted loss of a batch of single pictures at random noise levels."""
        clean = self._latents(batch)
        dropped = kept(self.settings.prompt_dropout, rng)
        captions = [
            text if keep else ""
            for text, keep in zip(batch.captions, dropped.tolist(), strict=True)
        ]
        told = self.prompt(captions, size=(batch.control.shape[2], batch.control.shape[3]))
        noise, level = randn(clean, rng), rand(rng, clean.device)
        normal = randn(clean[:, 0, 0, 0], rng)
        noisy, time, target = self._shown(clean, noise, level, normal)
        scale = kept(self.settings.control_dropout, rng, clean.device)
        with Steering(self.denoiser, self.controls(to_share(batch.control[:, 0]), scale)):
            predicted = self._call(noisy, time, told)
        weight = weight_at(batch.weight, (clean.shape[-2], clean.shape[-1]))
        return weighted_mse(predicted, target, None if weight is None else weight[:, 0])

    def prompt(self, captions: Sequence[str], size: tuple[int, int]) -> Prompt:
        """What the denoiser is told of B captions and the picture's size (height, width)."""
        device = next(self.denoiser.parameters()).device
        listed: Any = list(captions)
        with torch.no_grad():
            if self.family == "sd15":
                embeds = self.pipeline.encode_prompt(listed, device, 1, False)[0]
                return {"encoder_hidden_states": embeds}
            more: Prompt = {}
            if self.family == "sd3":
                more = {"prompt_2": listed, "prompt_3": listed, **short_prompts(self.pipeline)}
            encoded = self.pipeline.encode_prompt(
                listed, **more, device=device, do_classifier_free_guidance=False
            )
        embeds, pooled = encoded[0], encoded[2]
        if self.family == "sd3":
            return {"encoder_hidden_states": embeds, "pooled_projections": pooled}
        # Size, crop's corner and wished size, as SDXL is told: nothing was cropped.
        ids = torch.tensor([[*size, 0, 0, *size]], device=device, dtype=embeds.dtype)
        told = {"text_embeds": pooled, "time_ids": ids.expand(len(listed), -1)}
        return {"encoder_hidden_states": embeds, "added_cond_kwargs": told}

    def controls(self, picture: Tensor, scale: Tensor) -> list[Control]:
        """What steers the denoiser: ``(B, 3, H, W)`` in [0, 1] at scales ``(B,)``; maybe none."""
        if self.part is None:
            return []
        if self.family == "sd3" and self.method == "controlnet":
            with own_precision(self.pipeline.vae):
                picture = control_latents(self.pipeline.vae, self.part, picture)
        return [Control(part=self.part, picture=picture, scale=scale)]

    def _shown(
        self, clean: Tensor, noise: Tensor, level: Tensor, normal: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Noisy latents, the time (B,) that goes with them, and what is to be predicted."""
        if self.family == "sd3":
            share = logit_normal_shares(normal, shift=self.settings.shift)
            point = flow_point(clean, noise, share)
            return point, share * FLOW_STEPS, flow_target(clean, noise)
        scheduler = self.pipeline.scheduler
        table = scheduler.alphas_cumprod.to(clean.device)
        time = (level * len(table)).long()
        alpha_bar = table[time]
        kind = scheduler.config.prediction_type
        target = diffusion_target(clean, noise, alpha_bar, kind)
        return noised(clean, noise, alpha_bar), time, target

    def _call(self, noisy: Tensor, time: Tensor, told: Prompt) -> Tensor:
        denoiser: Any = self.denoiser
        if self.family == "sd3":
            result: Tensor = denoiser(hidden_states=noisy, timestep=time, **told).sample
        else:
            result = denoiser(noisy, time, **told).sample
        return result

    @torch.no_grad()
    def _latents(self, batch: Batch) -> Tensor:
        """The pictures' latents as the denoiser knows them: the middle of each posterior.

        Of a full-sized autoencoder a draw is hardly different (its spread is a thousandth); of one
        trained without a prior, such as the embedded one, a draw would be half noise.
        """
        assert batch.frames is not None
        vae = self.pipeline.vae
        pixels = rearrange(to_unit(batch.frames), "b 1 c h w -> b c h w")
        with own_precision(vae):
            return self._scaled(vae.encode(pixels.to(vae.dtype)).latent_dist.mode().float())

    def _scaled(self, latents: Tensor) -> Tensor:
        config = self.pipeline.vae.config
        shift = config.shift_factor or 0.0
        scaled: Tensor = (latents - shift) * config.scaling_factor
        return scaled
