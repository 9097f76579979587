"""Pictures by diffusers' own pipelines, steered by control maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from animate.pipelines.residuals import is_transformer
from animate.pipelines.steering import Control, Span, Steering
from temporal.errors import ControlError

__all__ = ["Control", "as_picture", "control_latents", "denoiser_of", "short_prompts", "steered"]

Device = torch.device | str | None

CLIP_TOKENS = 77  # of a prompt, in every CLIP as it was released


@contextmanager
def steered(
    pipeline: Any, controls: Control | Sequence[Control], *, guess: bool = False
) -> Iterator[Any]:
    """Inside, every picture that a diffusers pipeline makes follows the control maps.

    pipeline: any with a UNet2DConditionModel (SD1.5, SDXL) or an SD3Transformer2DModel, also for
    image to image or inpainting, with or without LoRA; nothing of it is changed, and it is as it
    was afterwards. Where torch.compile is at work in the denoiser, everything in this process runs
    uncompiled inside; that needs torch 2.6. Maps of other sizes are scaled to the picture's.
    guess: ControlNet's guess mode, control for the half of guidance that has the prompt alone.
    Raises ControlError and InjectionError of `temporal.errors`.
    """
    listed = [controls] if isinstance(controls, Control) else list(controls)
    denoiser = denoiser_of(pipeline)
    for control in listed:
        _check_part(control.part, denoiser)
    listed = [replace(control, picture=as_picture(control.picture)) for control in listed]
    fitted: dict[tuple[int, int, int], Tensor] = {}
    clock = _Clock(pipeline)

    def fit(control: Control, latents: Tensor) -> Tensor:
        size = (latents.shape[-2], latents.shape[-1])
        key = (listed.index(control), *size)
        if key not in fitted:
            fitted[key] = _fitted(pipeline, control, size)
        return fitted[key]

    with Steering(
        denoiser,
        listed,
        span=clock.span,
        guided=lambda: bool(pipeline.do_classifier_free_guidance),
        guess=guess,
        fit=fit,
    ):
        yield pipeline


def denoiser_of(pipeline: Any) -> Any:
    """The part of a pipeline that control joins."""
    for name in ("unet", "transformer"):
        found = getattr(pipeline, name, None)
        if isinstance(found, nn.Module):
            return found
    raise ControlError(f"{type(pipeline).__name__} has neither a UNet nor a transformer to steer")


def short_prompts(pipeline: Any) -> dict[str, int]:
    """Keywords for a pipeline whose prompts are shorter than CLIP's, such as the embedded ones.

    Where SD3 has no T5, diffusers puts empty tokens in its place, 256 or as many as CLIP has,
    by version. Such a model was trained with as many as its own prompts have.
    """
    length = getattr(pipeline, "tokenizer_max_length", CLIP_TOKENS)
    if length >= CLIP_TOKENS or getattr(pipeline, "text_encoder_3", None) is not None:
        return {}
    return {"max_sequence_length": int(length)}


def as_picture(picture: Any) -> Tensor:
    """A map as floats (B, 3, H, W) in [0, 1].

    picture: a PIL picture, an array (H, W, 3) or (H, W) of 0 to 255, or such a tensor already,
    also (3, H, W). Raises ControlError.
    """
    if isinstance(picture, Image.Image):
        picture = np.asarray(picture.convert("RGB"))
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8:
            raise ControlError(f"a map as an array must be uint8, got {picture.dtype}")
        grey = picture.ndim == 2
        picture = np.repeat(picture[..., None], 3, axis=2) if grey else picture[..., :3]
        picture = torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 255
    picture = picture[None] if picture.ndim == 3 else picture
    low, high = (float(value) for value in picture.aminmax())
    if picture.ndim != 4 or picture.shape[1] != 3 or not (low >= -1e-3 and high <= 1 + 1e-3):
        raise ControlError(
            f"a map must be (B, 3, H, W) in [0, 1]; got {tuple(picture.shape)} from {low:.3g} to "
            f"{high:.3g}"
        )
    return picture  # type: ignore[no-any-return]


@torch.no_grad()
def control_latents(vae: Any, part: Any, picture: Tensor, device: Device = None) -> Tensor:
    """A map (B, 3, H, W) in [0, 1] as an SD3ControlNetModel takes it: latents (B, c, h, w).

    Of the posterior its middle, where diffusers draws: a map has nothing to be random about.
    device: see `latents_of`.
    """
    # InstantX's are trained on unshifted latents, as diffusers' pipeline knows.
    shifted = not part.config.force_zeros_for_pooled_projection
    return latents_of(vae, picture, shifted=shifted, device=device)


def latents_of(vae: Any, picture: Tensor, *, shifted: bool = True, device: Device = None) -> Tensor:
    """The middle of the posterior of a picture (B, 3, H, W) in [0, 1], as denoisers know it.

    device: where the autoencoder works; None: where it is. With offload these are two places.
    """
    pixels = (picture * 2 - 1).to(vae.device if device is None else device, vae.dtype)
    latents: Tensor = vae.encode(pixels).latent_dist.mode()
    shift = vae.config.shift_factor or 0.0 if shifted else 0.0
    return (latents - shift) * float(vae.config.scaling_factor)


def _fitted(pipeline: Any, control: Control, latents: tuple[int, int]) -> Tensor:
    """The map at the pixel size of latents (height, width), as its part takes it."""
    factor = int(pipeline.vae_scale_factor)
    size = (latents[0] * factor, latents[1] * factor)
    picture: Tensor = control.picture
    if picture.shape[-2:] != size:
        resized = F.interpolate(picture.float(), size, mode="bilinear", antialias=True)
        picture = resized.clamp(0, 1)
    if not control.next and is_transformer(denoiser_of(pipeline)):
        place = pipeline._execution_device
        return control_latents(pipeline.vae, control.part, picture, place)
    return picture


class _Clock:
    """Counts the steps of a pipeline's run as diffusers' ControlNet pipelines do.

    They take shares of the steps that are run, which is the end of the table alone where a run
    begins at a picture, and count a timestep that comes twice as two steps.
    """

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._table: Tensor | None = None
        self._first = 0

    def span(self, timestep: float) -> Span | None:
        """Which share of the run the step at a timestep is."""
        scheduler = self._pipeline.scheduler
        table = scheduler.timesteps.float().cpu()
        near = (table - timestep).abs() <= 1e-3 * max(1.0, abs(timestep))
        places = near.nonzero().flatten().tolist()
        if not places:
            return None
        begin = self._begin(places)
        place = _place(scheduler, places, begin)
        if place < begin:
            return None
        return (place - begin) / (len(table) - begin), (place + 1 - begin) / (len(table) - begin)

    def _begin(self, places: Sequence[int]) -> int:
        """Where in the table the run began, of which a call may be at these places."""
        scheduler = self._pipeline.scheduler
        told = getattr(scheduler, "begin_index", None)
        if told is not None:
            return int(told)
        # Some schedulers are not told: a new table is a new run, and this is its first call.
        if scheduler.timesteps is not self._table:
            self._table = scheduler.timesteps
            every = len(scheduler.timesteps)
            first = every - getattr(self._pipeline, "num_timesteps", every)
            self._first = first if 0 <= first <= places[-1] else places[0]
        return self._first


def _place(scheduler: Any, places: Sequence[int], begin: int) -> int:
    """At which of the places in the table that have its timestep a scheduler is."""
    counted = begin + getattr(scheduler, "counter", 0)  # PNDM's, of the steps it has done
    told = getattr(scheduler, "step_index", None)
    place = counted if told is None else int(told)
    # Other calls than those of a run are known by their timestep alone.
    return place if place in places else next((one for one in places if one >= begin), -1)


def _check_part(part: Any, denoiser: nn.Module) -> None:
    """Raise ControlError for a ControlNet of the other kind of denoiser."""
    if not hasattr(part, "controlnet_cond_embedding") and not hasattr(part, "pos_embed_input"):
        return
    if hasattr(part, "pos_embed_input") != is_transformer(denoiser):
        raise ControlError(
            f"a {type(part).__name__} cannot steer a {type(denoiser).__name__}: take a ControlNet "
            "of the same family"
        )
    if part.config.get("extra_conditioning_channels"):
        raise ControlError("this ControlNet wants a mask beside its map (inpainting): not here")
