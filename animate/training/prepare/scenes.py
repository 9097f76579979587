"""Where a film is cut, and into which pieces its scenes are divided."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Floats = NDArray[np.float64]

# Frames are compared as pictures of so many pixels and by their colours in so many bins a channel.
SMALL, BINS = (32, 32), 4
# A cut changes both more than this, and by this factor more than the frames around: motion changes
# the picture for a while but hardly its colours, a flash changes the colours.
# Measured: within scenes at most 0.094 (a quick dance at 10 frames a second), at cuts 0.45 and
# more.
CUT, CUT_RATIO, AROUND = 0.2, 2.5, 3


@dataclass
class Changes:
    """How much each frame differs from the one before; frames are only looked at once.

    both (F,): the geometric mean of the picture's and the colours' change, each in [0, 1], 0 for
    the first frame; grey (F,): the mean change of brightness, of 255.
    """

    both: list[float] = field(default_factory=list)
    grey: list[float] = field(default_factory=list)
    _small: Floats | None = None
    _colours: Floats | None = None

    def add(self, frame: Frame) -> None:
        """Take the next frame (H, W, 3) in."""
        small = cv2.resize(frame, SMALL, interpolation=cv2.INTER_AREA)
        channels = [np.ascontiguousarray(small)]
        counts = cv2.calcHist(channels, [0, 1, 2], None, [BINS] * 3, [0, 256] * 3)
        colours = np.asarray(counts, dtype=np.float64).ravel() / (SMALL[0] * SMALL[1])
        picture = np.asarray(small, dtype=np.float64)
        if self._small is None or self._colours is None:
            self.both.append(0.0)
            self.grey.append(0.0)
        else:
            moved = float(np.abs(picture - self._small).mean())
            recoloured = float(np.abs(colours - self._colours).sum()) / 2
            self.both.append(math.sqrt(moved / 255 * recoloured))
            self.grey.append(float(np.abs((picture - self._small).mean(axis=-1)).mean()))
        self._small, self._colours = picture, colours

    @classmethod
    def of(cls, frames: Iterable[Frame]) -> Changes:
        """The changes of all frames."""
        changes = cls()
        for frame in frames:
            changes.add(frame)
        return changes

    def cuts(self) -> list[int]:
        """The first frame of every scene but the first."""
        change = np.array(self.both)
        found = []
        for place in np.flatnonzero(change > CUT):
            around = change[max(place - AROUND, 1) : place + AROUND + 1].copy()
            around[min(AROUND, place - 1)] = 0.0
            if change[place] > CUT_RATIO * np.median(around):
                found.append(int(place))
        return found


def pieces(
    frames: int, cuts: Iterable[int], fps: float, longest: float
) -> Iterator[tuple[int, int]]:
    """First and last + 1 of the frames of each piece, in order and without gaps.

    A scene of more than `longest` seconds is divided into equal parts that are no longer.
    """
    ends = [0, *cuts, frames]
    most = max(1, math.floor(longest * fps))
    for start, stop in itertools.pairwise(ends):
        parts = math.ceil((stop - start) / most)
        bounds = np.linspace(start, stop, parts + 1).round().astype(int).tolist()
        yield from itertools.pairwise(bounds)
