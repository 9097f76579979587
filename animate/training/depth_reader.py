"""A small judge that reads depth off portraits, trained on the renderer's truth.

No depth annotator works offline, so the bench of controlled pictures trains this one on portraits
that no other model has seen. It says which maps belong to a picture, not how good it looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from animate.training.data import Batch, to_share, to_unit
from animate.training.task import Generators

WIDTHS = (16, 32, 64, 64)  # channels at full size, a half, a quarter and an eighth
GROUPS = 4


class DepthReader(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1] to nearness (B, 1, H, W), 0 far to 1 near."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, WIDTHS[0], 3, padding=1)
        pairs = list(pairwise(WIDTHS))
        self.down = nn.ModuleList(_layer(low, high, stride=2) for low, high in pairs)
        self.up = nn.ModuleList(_layer(high + low, low) for low, high in reversed(pairs))
        self.last = nn.Conv2d(WIDTHS[0], 1, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        levels = [self.first(pictures)]
        for layer in self.down:
            levels.append(layer(levels[-1]))
        hidden = levels.pop()
        for layer in self.up:
            finer = levels.pop()
            hidden = layer(torch.cat([F.interpolate(hidden, finer.shape[-2:]), finer], dim=1))
        nearness: Tensor = self.last(hidden)
        return nearness


class DepthTask:
    """Trains a reader on pictures and their depth maps, the batch's control."""

    def __init__(self, reader: DepthReader) -> None:
        self.module: nn.Module = reader
        self.rates: Mapping[str, float] = {}

    def place(self, device: torch.device) -> None:
        """See ``Task.place``; everything is in the module."""

    def loss(self, batch: Batch, rng: Generators) -> Tensor:
        """The mean absolute error of the maps."""
        assert batch.frames is not None
        read = self.module(to_unit(batch.frames[:, 0]))
        error: Tensor = (read.float() - to_share(batch.control[:, 0])[:, :1]).abs().mean()
        return error

    def export(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """See ``Task.export``; a judge is not handed out."""

    def notes(self) -> Sequence[str]:
        """See ``Task.notes``."""
        return []


@torch.no_grad()
def read_depth(reader: DepthReader, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The nearness (H, W) of a picture (H, W, 3), 0 to 1."""
    read: NDArray[np.float32] = reader(to_unit(torch.from_numpy(picture))[None])[0, 0].numpy()
    return read.clip(0, 1)


def _layer(width_in: int, width_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 3, stride=stride, padding=1),
        nn.GroupNorm(GROUPS, width_out),
        nn.SiLU(),
        nn.Conv2d(width_out, width_out, 3, padding=1),
        nn.SiLU(),
    )
