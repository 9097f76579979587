"""Skeletons that are drawn already, as a video or a folder of pictures: told apart, and read."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from copy import copy
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.errors import PoseError, VideoError
from pose.folders import PictureFolder, find_pictures, open_pictures
from pose.skeleton import Floats, Frame
from pose.video import Clip, open_video

__all__ = ["PictureFolder", "Skeletons", "looks_like_skeletons", "open_pictures", "open_skeletons"]

# A drawn skeleton: thin bright lines of many colours, connected, on nothing but black. Measured
# on the looks of this package at 128 to 576 pixels and CRF 18 to 30 (in brackets), against films,
# darkened films, figures cut out on black, letterboxed films, coloured text and blurred lights.
LOOKED_AT, WITHIN = 8, 250  # frames that are looked at, spread over the first so many
BLACK, BRIGHT = 16, 64  # of 255: compression stays below the one around a line, few lines the other
LEAST_BLACK = 0.75  # of all pixels (0.86 and more)
MOST_DIM = 0.08  # of all pixels between black and bright (0.04 and less)
MOST_THICK = 0.05  # half width of the thickest place in short sides (0.04 and less)
LEAST_CONNECTED = 0.15  # extent of the largest figure in short sides
GAP = 5  # pixels that lines may be interrupted for: the official look is drawn large, then thinned
COLOURED = 0.3  # saturation of a coloured pixel
LEAST_COLOURED = 0.4  # of the bright pixels
HUES, LEAST_HUES, LEAST_OF_A_HUE = 12, 6, 0.02  # parts of the circle; of the coloured pixels

KEPT_BYTES = 128 << 20  # decoded frames that are kept for the next window, which overlaps
NEAR = 16  # frames; reading through fewer is quicker than opening a video again


class Skeletons:
    """Finished skeletons as frames (H, W, 3) uint8 RGB, in any order, at a steady memory.

    Quick for frames that follow each other, or were asked for a little while ago.
    """

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self._kept: OrderedDict[int, Frame] = OrderedDict()
        self._stream: Iterator[Frame] = iter(())
        self._next = -NEAR  # the frame that the stream gives next; none yet
        self._room = max(KEPT_BYTES // (3 * clip.size[0] * clip.size[1]), 1)

    def __len__(self) -> int:
        return len(self.clip)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.clip.size

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.clip.fps

    @property
    def times(self) -> Floats:
        """(F,) seconds."""
        return self.clip.times

    def __iter__(self) -> Iterator[Frame]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Frame:
        """Frame `index`, not negative. Raises VideoError if it cannot be read, IndexError."""
        if not 0 <= index < len(self):
            raise IndexError(f"expected a frame from 0 to {len(self) - 1}, got {index}")
        if index not in self._kept:
            self._read_to(index)
        return self._kept[index]

    def _read_to(self, index: int) -> None:
        if not self._next <= index < self._next + NEAR:
            self._stream, self._next = self.clip.part(index, len(self)), index
        for frame in self._stream:
            self._keep(self._next, frame)
            self._next += 1
            if self._next > index:
                return
        raise VideoError(
            f"{self.clip.info.path} is damaged at {self.times[self._next]:.2f} s: use only the "
            f"{self._next} frames before that (--frames {self._next})"
        )

    def _keep(self, index: int, frame: Frame) -> None:
        self._kept[index] = frame
        if len(self._kept) > self._room:
            self._kept.popitem(last=False)


def open_skeletons(
    path: str | os.PathLike[str],
    *,
    fps: float | None = None,
    stride: int = 1,
    frames: int | None = None,
) -> Skeletons:
    """Open a skeleton video, or a folder of skeleton pictures, at a steady rate.

    fps, stride and frames as in `open_video`; for pictures as in `open_pictures`. Raises
    VideoError and ValueError.
    """
    opener = open_pictures if Path(path).is_dir() else open_video
    return Skeletons(opener(path, fps=fps, stride=stride, frames=frames))


def looks_like_skeletons(path: str | os.PathLike[str]) -> bool:
    """Whether a video or a folder of pictures shows drawn skeletons, judged by a few frames.

    Frames of nothing but black decide nothing. Never raises: False for what cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir() and not find_pictures(path):
            return False
        few = copy(open_skeletons(path, frames=WITHIN).clip)
        few.indices = few.indices[:: max(len(few) // LOOKED_AT, 1)]
        few.times = few.times[: len(few.indices)]  # of no interest here
        return looks_drawn(few)
    except (PoseError, ValueError):
        return False


def looks_drawn(frames: Iterable[Frame]) -> bool:
    """Whether frames (H, W, 3) show drawn skeletons, all of them that show anything."""
    counts = np.zeros(HUES + 1)
    for frame in frames:
        found = _colours(frame)
        if found is None:
            return False
        counts += found
    coloured = counts[:HUES].sum()
    hues = (counts[:HUES] > LEAST_OF_A_HUE * coloured).sum()
    return bool(coloured > 0 and coloured >= LEAST_COLOURED * counts.sum() and hues >= LEAST_HUES)


def _colours(frame: Frame) -> NDArray[np.float64] | None:
    """How many bright pixels have each hue, and last how many none; None if it is no drawing."""
    value = frame.max(axis=2)
    bright = value >= BRIGHT
    if (value < BLACK).mean() < LEAST_BLACK:
        return None
    if ((value >= BLACK) & ~bright).mean() > MOST_DIM:
        return None
    if not bright.any():
        return np.zeros(HUES + 1) if (value < BLACK).all() else None
    short = min(value.shape)
    joined = cv2.dilate((value >= BLACK).astype(np.uint8), np.ones((GAP, GAP), np.uint8))
    boxes = cv2.connectedComponentsWithStats(joined)[2]
    extent = boxes[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max()
    width = cv2.distanceTransform(bright.astype(np.uint8), cv2.DIST_L2, 3).max()
    if width > MOST_THICK * short + 1 or extent < LEAST_CONNECTED * short:
        return None
    grey = value[bright] - frame.min(axis=2)[bright] < COLOURED * value[bright]
    hue = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)[..., 0][bright]  # OpenCV's circle has 180 parts
    return np.bincount(np.where(grey, HUES, hue // (180 // HUES)), minlength=HUES + 1).astype(float)
