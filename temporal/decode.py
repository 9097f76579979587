"""Latents to frames, a few at a time, so that a long clip never exists in pixels."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from temporal.drafts import Drafts, encode_pictures, keep_drafts
from temporal.errors import DivergenceError


@torch.no_grad()
def decode_chunks(
    vae: Any,
    latents: Tensor,
    chunk: int = 8,
    *,
    device: torch.device | str | None = None,
    drafts: Drafts | None = None,
) -> Iterator[Tensor]:
    """Yield (n, 3, H, W) float32 frames in [0, 1] on the CPU, n <= chunk.

    latents: (F, C, h, w), anywhere; device: where the VAE works, if it is parked elsewhere.
    drafts: pictures of the same frames, to be kept where nothing changed, see `temporal.drafts`.
    A temporal decoder mixes frames within a chunk only, so the chunk size changes pixels slightly.
    Raises DivergenceError instead of yielding black frames.
    """
    # Asked of the decoder, as some versions of diffusers wrap vae.decode beyond recognition.
    takes_frames = "num_frames" in inspect.signature(vae.decoder.forward).parameters
    done = 0

    def decode(part: Tensor) -> Tensor:
        scaled = (part / vae.config.scaling_factor).to(device or vae.device, vae.dtype)
        extra = {"num_frames": len(part)} if takes_frames else {}
        pixels = vae.decode(scaled, **extra).sample
        _require_finite(pixels, part, done)
        shown: Tensor = (pixels.float() / 2 + 0.5).clamp(0, 1).cpu()
        return shown

    with safe_precision(vae):
        for part in torch.split(latents, max(chunk, 1)):
            frames = decode(part)
            if drafts is not None:
                shown = drafts(done, done + len(part))
                encoded = encode_pictures(vae, shown, device) * vae.config.scaling_factor
                frames = keep_drafts(frames, shown, decode(encoded))
            done += len(part)
            yield frames


def _require_finite(pixels: Tensor, latents: Tensor, start: int) -> None:
    """Refuse decoded frames (n, 3, H, W) that would turn black: NaN becomes 0 in 8 bits."""
    if torch.isfinite(pixels).all():
        return
    bad = (~torch.isfinite(pixels)).flatten(1).any(dim=1).nonzero().flatten() + start
    if not torch.isfinite(latents).all():
        cause = "the latents were so already; the denoising diverged"
    elif pixels.dtype == torch.float16:
        cause = "the VAE overflows in half precision (fp16): use bfloat16 or float32 for it"
    else:
        cause = f"the VAE in {str(pixels.dtype).removeprefix('torch.')}: are its weights damaged?"
    raise DivergenceError(
        f"decoded frames became NaN or infinite (frames {bad.tolist()[:8]}). Cause: {cause}"
    )


@contextmanager
def safe_precision(vae: Any) -> Iterator[None]:
    """Run a VAE in float32 if it is in fp16 and says that it overflows there, as SVD's does."""
    upcast = vae.dtype == torch.float16 and getattr(vae.config, "force_upcast", False)
    if upcast:
        vae.to(dtype=torch.float32)
    try:
        yield
    finally:
        if upcast:
            vae.to(dtype=torch.float16)


def decode_frames(
    vae: Any,
    latents: Tensor,
    chunk: int = 8,
    *,
    device: torch.device | str | None = None,
    drafts: Drafts | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """Yield the (H, W, 3) uint8 RGB frames of latents (F, C, h, w), one at a time.

    Arguments and errors as of `decode_chunks`.
    """
    for frames in decode_chunks(vae, latents, chunk, device=device, drafts=drafts):
        yield from to_uint8(frames)


def to_uint8(frames: Tensor) -> NDArray[np.uint8]:
    """Turn frames (n, 3, H, W) in [0, 1] into (n, H, W, 3) uint8."""
    scaled = rearrange(frames * 255, "n c h w -> n h w c").round().to(torch.uint8)
    return scaled.contiguous().numpy()
