"""Training a picture model from nothing: UNet, text encoder and the encoders of every kind of map.

Where a base is pretrained, control is trained on top of it (``StillTask``). Here nothing is, and
all parts learn together: each sample comes with a map of one kind, or with none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from animate.training.animator import weight_at
from animate.training.data import Batch, to_share
from animate.training.mini_image import CONTROLS, pipeline_of
from animate.training.objectives import weighted_mse
from animate.training.settings import StillLoss
from animate.training.stills import Prompt, StillTask
from animate.training.task import Generators, kept, rand, randn
from temporal.inject import Injector

# The text encoder has had its lesson (see ``words``); at the full rate it forgets it.
RATES = {"text_encoder.": 0.03}
# Power of a uniform share that gives the level: high noise decides where the figure is and what has
# which colour. With 0.5 even places kept grain, which the last steps of sampling should take away.
LEVELS = 0.7


class JointTask(StillTask):
    """Trains all parts of ``mini_image.build_parts`` but the autoencoder, on its latents."""

    def __init__(self, parts: Mapping[str, Any], settings: StillLoss) -> None:
        super().__init__(
            pipeline_of(parts), settings, family="sd15", method="controlnext", rates=RATES
        )
        parts["vae"].requires_grad_(False)
        self.encoders: Mapping[str, Any] = parts[CONTROLS]
        trained = {name: parts[name] for name in ("unet", "text_encoder", CONTROLS)}
        self.module: nn.Module = nn.ModuleDict(trained)

    def loss(self, batch: Batch, rng: Generators) -> Tensor:
        """The weighted loss of a batch of portraits' latents at random noise levels."""
        assert batch.latents is not None
        clean = batch.latents[:, 0].float()
        told = self.told(batch.captions, rng)
        noise, level = randn(clean, rng), rand(rng, clean.device) ** LEVELS
        noisy, time, target = self._shown(clean, noise, level, level)
        predicted = self.steered(batch, noisy, time, told)
        weight = weight_at(batch.weight, (clean.shape[-2], clean.shape[-1]))
        return weighted_mse(predicted, target, None if weight is None else weight[:, 0])

    def steered(self, batch: Batch, noisy: Tensor, time: Tensor, told: Prompt) -> Tensor:
        """What the UNet says of noisy latents under each sample's map."""
        control, scale = self.features(batch, time)
        with Injector(self.denoiser, self._sites) as injector:
            injector.set(control, scale)
            return self._call(noisy, time, told)

    def told(self, captions: Sequence[str], rng: Generators) -> Prompt:
        """What the UNet is told of the captions, some of them left out; gradients flow."""
        stay = kept(self.settings.prompt_dropout, rng).tolist()
        texts: Any = [text if keep else "" for text, keep in zip(captions, stay, strict=True)]
        device = next(self.denoiser.parameters()).device
        return {"encoder_hidden_states": self.pipeline.encode_prompt(texts, device, 1, False)[0]}

    def features(self, batch: Batch, time: Tensor) -> tuple[Tensor | None, Tensor]:
        """The control features (B, C, h, w) by each sample's own encoder, and scales (B,) 0 or 1.

        None if no sample has a map.
        """
        scale = torch.tensor([float(kind in self.encoders) for kind in batch.kinds])
        shown = to_share(batch.control[:, 0])
        found: Tensor | None = None
        for kind, encoder in self.encoders.items():
            places = [place for place, other in enumerate(batch.kinds) if other == kind]
            if not places:
                continue
            made = encoder(shown[places], time[places])
            if found is None:
                found = made.new_zeros(len(batch), *made.shape[1:])
            found = found.index_copy(0, torch.tensor(places, device=made.device), made)
        return found, scale.to(time.device)

    @property
    def _sites(self) -> Any:
        return next(iter(self.encoders.values())).injection
