"""Drafts instead of decoded frames, wherever the denoiser left a draft as it was.

The result is then as sharp as the draft, whatever the autoencoder loses on its way, and what does
not move does not flicker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Drafts = Callable[[int, int], Tensor]  # start, stop -> (stop - start, 3, H, W) in [0, 1]

# At a mean difference of so much, of the range of 1, between the decoded frame and the decoded
# draft, 1 / e of the result is the draft. On 16 held-out clips the embedded model is 0.2 dB nearer
# the truth with 0.14, but its outlines are not (0.865 of the union, with 0.2 0.868), and in a real
# dance the tracker finds 0.82 of the hands again, with 0.14 0.80 and with 0.08 0.76.
TOLERANCE = 0.2
REACH = 5  # pixels: side of the square over which the difference is averaged


def keep_drafts(decoded: Tensor, draft: Tensor, redrawn: Tensor) -> Tensor:
    """Return decoded frames, or the draft where they agree with what decoding makes of it.

    All (n, 3, H, W) in [0, 1]; redrawn: the draft, encoded and decoded again.
    """
    change = (decoded - redrawn).abs().mean(dim=1, keepdim=True)
    change = F.avg_pool2d(change, REACH, 1, REACH // 2, count_include_pad=False)
    agreement = torch.exp(-((change / TOLERANCE) ** 2))
    return decoded + agreement * (draft - decoded)


def from_frame(drafts: Drafts, first: int) -> Drafts:
    """The drafts of a clip without the frames before `first`."""
    return lambda start, stop: drafts(first + start, first + stop)


def encode_pictures(vae: Any, pictures: Tensor, device: torch.device | str | None = None) -> Tensor:
    """The latents (n, c, h, w), unscaled, of pictures (n, 3, H, W) in [0, 1]."""
    pixels = pictures.to(device or vae.device, vae.dtype) * 2 - 1
    latents: Tensor = vae.encode(pixels).latent_dist.mode()
    return latents
