"""The control encoder at work: convolutions that follow each other directly are made one.

Each level ends with down(conv2(h) + shortcut(x)), `down` having stride 2. Convolution is linear,
so that is one 5x5 convolution of h with stride 2 and one 3x3 of x: at SVD-v2's size a fifth fewer
operations, and the part of x in the first level does not depend on time. Results are equal up to
rounding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from temporal.blocks import TimedBlock
from temporal.controlnext import ControlNeXt, Prepared

# An edge row needs this many rows of h: itself, the next, and the reach of conv2.
STRIP = 3
Pad = tuple[int, int, int, int]


class FoldedEncoder:
    """`ControlNeXt.prepare` and `.descend` with a copy of the weights, for inference only."""

    @torch.no_grad()
    def __init__(self, encoder: ControlNeXt) -> None:
        self._encoder = encoder
        pairs: Any = zip(encoder.down_res, encoder.down_sample, strict=True)
        self._levels = [_Level(block, halve.conv) for block, halve in pairs]

    def prepare(self, control: Tensor) -> Prepared:
        """Return what does not depend on time: x's part of the first level, and conv1(x)."""
        stem, first = self._encoder.stem(control), self._levels[0]
        return first.shortcut(stem), first.block.before_time(stem)

    def descend(self, prepared: Prepared, time: Tensor) -> Tensor:
        """Return the state at the lowest resolution, (N, c, h, w); time: (N, 256)."""
        first, *others = self._levels
        hidden = first.finish(*prepared, time)
        for level in others:
            hidden = level.finish(level.shortcut(hidden), level.block.before_time(hidden), time)
        return hidden


class _Level:
    """One residual block with the halving behind it."""

    def __init__(self, block: TimedBlock, down: torch.nn.Conv2d) -> None:
        self.block, self._down = block, down
        weight, inner = down.weight.float(), block.conv2
        # The composed kernel is the full convolution of the two, channels in between summed.
        composed = F.conv2d(inner.weight.float().transpose(0, 1), weight.flip(2, 3), padding=2)
        self._kernel = composed.transpose(0, 1).contiguous().to(down.weight.dtype)
        bias, self._through = inner.bias.float(), down.weight
        if block.conv_shortcut is not None:
            bias = bias + block.conv_shortcut.bias.float()
            one = block.conv_shortcut.weight.float()[:, :, 0, 0]
            self._through = torch.einsum("omhw,mi->oihw", weight, one).to(down.weight.dtype)
        self._bias = bias.to(down.weight.dtype)
        self._offset = (weight.sum(dim=(2, 3)) @ bias).to(down.weight.dtype)

    def shortcut(self, hidden: Tensor) -> Tensor:
        """The part of the block's input x, (N, c, H, W), that reaches the output unchanged."""
        return F.conv2d(hidden, self._through, self._down.bias, stride=2, padding=1)

    def finish(self, shortcut: Tensor, convolved: Tensor, time: Tensor) -> Tensor:
        """The level's output (N, C, h, w) from both parts of its input."""
        hidden = self.block.timed(convolved, time)
        if min(hidden.shape[-2:]) < STRIP:
            return shortcut + self._one_by_one(hidden, (1, 1, 1, 1))
        inner = F.conv2d(hidden, self._kernel, self._offset, stride=2, padding=2)
        self._mend(inner, hidden)
        return inner.add_(shortcut)

    def _mend(self, inner: Tensor, hidden: Tensor) -> None:
        """Put right the edges, where `down` pads conv2's output with zeros; in place."""
        height, width = hidden.shape[-2:]
        inner[:, :, :1] = self._one_by_one(hidden[:, :, :STRIP], (1, 1, 1, -1))
        inner[:, :, :, :1] = self._one_by_one(hidden[..., :STRIP], (1, -1, 1, 1))
        # At even sizes the last window of `down` ends with the picture.
        if height % 2:
            inner[:, :, -1:] = self._one_by_one(hidden[:, :, -STRIP:], (1, 1, -1, 1))
        if width % 2:
            inner[:, :, :, -1:] = self._one_by_one(hidden[..., -STRIP:], (-1, 1, 1, 1))

    def _one_by_one(self, hidden: Tensor, pad: Pad) -> Tensor:
        """down(conv2(hidden)); pad: left, right, top, bottom of conv2's output, -1 to cut."""
        between = F.conv2d(hidden, self.block.conv2.weight, self._bias, padding=1)
        return F.conv2d(F.pad(between, pad), self._down.weight, stride=2)
