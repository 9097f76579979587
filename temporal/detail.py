"""Fine detail of drafts for decoded frames: what the autoencoder loses of a picture on its way.

Where the denoiser kept a draft as it was, the result can be as sharp as the draft.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Drafts = Callable[[int, int], Tensor]  # start, stop -> (stop - start, 3, H, W) in [0, 1]

# A mean difference of so much, of the range of 1, between the decoded frame and the decoded draft
# leaves 1 / e of the detail: much less is the autoencoder's own noise, much more another picture.
TOLERANCE = 0.1
REACH = 5  # pixels: side of the square over which the difference is averaged


def restore_detail(decoded: Tensor, draft: Tensor, redrawn: Tensor) -> Tensor:
    """Add to decoded frames what a draft lost when it was encoded and decoded, where they agree.

    All (n, 3, H, W) in [0, 1]; redrawn: the draft, encoded and decoded again.
    """
    change = (decoded - redrawn).abs().mean(dim=1, keepdim=True)
    change = F.avg_pool2d(change, REACH, 1, REACH // 2, count_include_pad=False)
    agreement = torch.exp(-((change / TOLERANCE) ** 2))
    return (decoded + agreement * (draft - redrawn)).clamp(0, 1)


def encode_pictures(vae: Any, pictures: Tensor, device: torch.device | str | None = None) -> Tensor:
    """The latents (n, c, h, w), unscaled, of pictures (n, 3, H, W) in [0, 1]."""
    pixels = pictures.to(device or vae.device, vae.dtype) * 2 - 1
    latents: Tensor = vae.encode(pixels).latent_dist.mode()
    return latents
