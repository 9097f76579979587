"""Drafts of a clip: latents for the denoising to start from, pictures to be kept where they fit."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from animate.pipelines.conditions import Pictures
from temporal.decode import safe_precision
from temporal.drafts import Drafts, encode_pictures
from temporal.features import ControlSource, check_control, chunk_for


def encoded_drafts(
    pipeline: Any,
    image: Pictures,
    drafts: ControlSource | None,
    *,
    frames: int,
    size: tuple[int, int],
) -> Tensor | None:
    """Drafts of the frames as latents (F, c, h, w) in main memory; None if the encoder sees none.

    Half precision: they are kept for the whole clip, and the autoencoder's error is larger.
    drafts: (F, 3, H, W) in [0, 1] or a callable, None for the picture; size: height and width.
    """
    if not pipeline.controlnext.sees_draft:
        return None
    shown = as_callable(drafts) or _standing(pipeline, image, size)
    encoded, chunk = [], chunk_for(*size)
    with safe_precision(pipeline.vae):
        for start in range(0, frames, chunk):
            stop = min(start + chunk, frames)
            pictures = shown(start, stop)
            check_control(pictures, stop - start)
            latents = encode_pictures(pipeline.vae, pictures, pipeline._execution_device)
            encoded.append(latents.half().cpu())
    return torch.cat(encoded)


def as_callable(drafts: ControlSource | None) -> Drafts | None:
    """Drafts in the form in which decoding asks for them."""
    return (lambda start, stop: drafts[start:stop]) if isinstance(drafts, Tensor) else drafts


def _standing(pipeline: Any, image: Pictures, size: tuple[int, int]) -> Drafts:
    """The picture itself in place of every draft."""
    first = image[0] if isinstance(image, list) else image
    still = pipeline.video_processor.preprocess(first, *size) / 2 + 0.5
    return lambda start, stop: cast(Tensor, still.expand(stop - start, -1, -1, -1))
