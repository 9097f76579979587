"""Which part of a picture a sample shows: a random one of the wanted shape, around the person."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Size = tuple[int, int]  # width, height in pixels

CLOSEST = 0.75  # of the largest part of the wanted shape: how much of it is shown at least


@dataclass(frozen=True)
class Crop:
    """A part of a picture, in its pixels, and the size (width, height) it is scaled to."""

    left: int
    top: int
    width: int
    height: int
    size: Size

    def picture(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of a frame (H, W, 3), at its size."""
        part = frame[self.top : self.top + self.height, self.left : self.left + self.width]
        method = cv2.INTER_AREA if self.width >= self.size[0] else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(part, self.size, interpolation=method), dtype=np.uint8)

    def points(self, keypoints: Floats) -> Floats:
        """Keypoints (..., 2) of the whole picture in pixels of the part."""
        scale = np.array(self.size) / [self.width, self.height]
        return np.asarray((keypoints - [self.left, self.top]) * scale)


def nearest_shape(size: Size, shapes: list[Size]) -> int:
    """Which of the shapes has most nearly the proportions of `size`."""
    wanted = np.log(size[0] / size[1])
    return int(np.argmin([abs(np.log(width / height) - wanted) for width, height in shapes]))


def choose_crop(size: Size, target: Size, box: Floats | None, rng: np.random.Generator) -> Crop:
    """A random part of a picture of `size`, in the proportions of `target`.

    box (4,): left, top, right and bottom of what should stay in it, as far as it can; None for
    nothing. The part is not smaller than the target if the picture is not.
    """
    shape = target[0] / target[1]
    widest = min(size[0], size[1] * shape)
    least = max(CLOSEST, min(1.0, target[0] / widest))
    if box is not None:
        sides = box[2:] - box[:2]
        least = max(least, min(1.0, float(max(sides[0], sides[1] * shape)) / widest))
    width = widest * rng.uniform(least, 1.0)
    extent = np.clip(np.rint([width, width / shape]).astype(int), 1, size)
    low, high = np.zeros(2), np.array(size) - extent
    if box is not None:
        first, last = box[2:] - extent, box[:2]
        middle = (first + last) / 2
        fits = first <= last
        low, high = (
            np.where(fits, first, middle).clip(low, high),
            np.where(fits, last, middle).clip(low, high),
        )
    left, top = np.rint(rng.uniform(low, high)).astype(int).tolist()
    return Crop(left, top, int(extent[0]), int(extent[1]), target)
