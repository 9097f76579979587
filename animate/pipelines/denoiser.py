"""One denoising call of the video model on one window, guidance and control included."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from einops import repeat
from torch import Tensor

from temporal.control import Features, Joined
from temporal.windows import Window


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What the UNet is told besides control, the unconditional half first if guided (G = 2).

    embeddings (G*B, T, D), image_latents (G*B, C, h, w), time_ids (G*B, 3).
    guidance: scale at the start and at the end of the ramp.
    """

    embeddings: Tensor
    image_latents: Tensor
    time_ids: Tensor
    guidance: tuple[float, float]
    guided: bool

    def to(self, device: torch.device | str) -> Conditions:
        """The same on another device."""
        return replace(
            self,
            embeddings=self.embeddings.to(device),
            image_latents=self.image_latents.to(device),
            time_ids=self.time_ids.to(device),
        )

    def halves(self, *, apart: bool) -> list[slice]:
        """Rows to be shown to the UNet together: all of them, or one guidance half at a time."""
        rows = len(self.embeddings)
        if not (apart and self.guided):
            return [slice(0, rows)]
        return [slice(0, rows // 2), slice(rows // 2, rows)]


@dataclass(frozen=True, kw_only=True)
class Denoiser:
    """The `denoise` callable of `temporal.sampling` for a spatio-temporal UNet.

    features: None for no control; control_scale: a number or 0-d tensor. halves_apart: run the
    guidance halves one after the other, which takes longer and half the memory.
    """

    unet: Any
    injector: Joined
    features: Features | None
    control_scale: float | Tensor
    conditions: Conditions
    halves_apart: bool = False

    def __call__(self, latents: Tensor, timestep: Tensor, window: Window) -> Tensor:
        """Predict for scaled window latents (B, f, C, h, w); returns float32 of that shape."""
        return self.predict(latents, timestep, window, self.control(timestep, window))

    @torch.no_grad()
    def control(self, timestep: Tensor, window: Window) -> tuple[Tensor, ...] | None:
        """Return the control features (f, C, h, w) of a window for every site, None for none."""
        return None if self.features is None else self.features(timestep, window.controls)

    @torch.no_grad()
    def predict(
        self,
        latents: Tensor,
        timestep: Tensor,
        window: Window,
        control: tuple[Tensor, ...] | None,
    ) -> Tensor:
        """Predict as a call does, with given control features, which may be elsewhere."""
        told, frames = self.conditions, len(window)
        image = repeat(told.image_latents, "b c h w -> b f c h w", f=frames)
        noisy = latents.to(image.device, image.dtype)
        noisy = torch.cat([noisy, noisy]) if told.guided else noisy
        model_input = torch.cat([noisy, image], dim=2)
        predictions = []
        for rows in told.halves(apart=self.halves_apart):
            unconditional = self._unconditional(rows) * frames
            self.injector.set(control, self.control_scale, unconditional=unconditional)
            predictions.append(self._predict(model_input[rows], timestep, rows))
        prediction = torch.cat(predictions)
        return self._guide(prediction, window) if told.guided else prediction

    def _predict(self, model_input: Tensor, timestep: Tensor, rows: slice) -> Tensor:
        prediction: Tensor = self.unet(
            model_input,
            timestep.to(model_input.device),
            encoder_hidden_states=self.conditions.embeddings[rows],
            added_time_ids=self.conditions.time_ids[rows],
            return_dict=False,
        )[0]
        return prediction.float()

    def _guide(self, prediction: Tensor, window: Window) -> Tensor:
        without, conditional = prediction.chunk(2)
        low, high = self.conditions.guidance
        guidance = low + (high - low) * torch.tensor(window.ramp, device=prediction.device)
        return without + guidance[None, :, None, None, None] * (conditional - without)

    def _unconditional(self, rows: slice) -> int:
        """How many of the UNet's samples in these rows are of the unconditional half."""
        half = len(self.conditions.embeddings) // 2 if self.conditions.guided else 0
        return len(range(rows.start, min(rows.stop, half)))
