"""The picture that strokes are drawn on: only the part around the figure exists."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.looks.style import Style

Pixels = NDArray[np.uint8]
Point = tuple[int, int]
Tint = tuple[float, ...]
Box = tuple[float, float, float, float]  # left, top, right, bottom

SUBPIXEL_BITS = 4
MARGIN = 3  # pixels around a box for rounding inside OpenCV


class Canvas:
    """A black picture for one style, larger than `size` (width, height) where the style says so.

    `box` holds every joint, in [0, 1] of the picture. Where OpenCV reduces a part of a picture
    exactly as it does within the whole, only the part around the box is kept. Positions are in
    pixels of the whole canvas.
    """

    def __init__(self, style: Style, size: tuple[int, int], box: Box) -> None:
        self.target = size
        short = min(size)
        self.factor = 1
        if style.canvas:
            # The official arithmetic; its rounding decides the canvas's long side.
            scale = style.canvas / short if short != style.canvas else 1
            self.size = (int(size[0] * scale), int(size[1] * scale))
        else:
            wanted = round(style.drawn_short_side / short)
            self.factor = min(max(wanted, 1), style.supersample)
            self.size = (size[0] * self.factor, size[1] * self.factor)
        self.per_unit = min(self.size) / style.unit
        self.bits = SUBPIXEL_BITS if style.subpixel else 0
        smooth = style.subpixel and self.factor == 1
        self.line_type = cv2.LINE_AA if smooth else cv2.LINE_8
        steps = [_aligned_step(*lengths) for lengths in zip(self.size, size, strict=True)]
        whole = self.factor > 1 or None in steps
        margin = style.reach * self.per_unit + MARGIN
        kept = []
        for target, full, step, low, high in zip(
            size, self.size, steps, box[:2], box[2:], strict=True
        ):
            span = (0.0, float(full)) if whole else (low * full - margin, high * full + margin)
            kept.append(_aligned_range(*span, target, full, step or 1))
        (self.columns, in_x), (self.rows, in_y) = kept
        self.origin = (in_x.start, in_y.start)
        self.pixels: Pixels = np.zeros(
            (in_y.stop - in_y.start, in_x.stop - in_x.start, 3), np.uint8
        )

    def line(self, start: Point, end: Point, width: float, colour: Tint) -> None:
        thickness = max(round(max(width, self.factor)), 1)
        ends = self._moved(start), self._moved(end)
        cv2.line(self.pixels, *ends, colour, thickness, self.line_type, self.bits)

    def dot(self, centre: Point, radius: float, colour: Tint) -> None:
        fixed = round(max(radius, self.factor / 2) * (1 << self.bits))
        cv2.circle(self.pixels, self._moved(centre), fixed, colour, -1, self.line_type, self.bits)

    def polygon(self, outline: NDArray[np.int32], colour: Tint) -> None:
        shifted = outline - np.array([v << self.bits for v in self.origin], np.int32)
        cv2.fillConvexPoly(self.pixels, shifted, colour, self.line_type, self.bits)

    def _moved(self, point: Point) -> Point:
        return (
            point[0] - (self.origin[0] << self.bits),
            point[1] - (self.origin[1] << self.bits),
        )

    def result(self) -> Pixels:
        """The picture at the target size: (H, W, 3) RGB."""
        width, height = self.target
        inner = (self.columns.stop - self.columns.start, self.rows.stop - self.rows.start)
        part = self.pixels
        if part.shape[1::-1] != inner:
            method = cv2.INTER_AREA if self.factor > 1 else cv2.INTER_LINEAR
            part = np.asarray(cv2.resize(part, inner, interpolation=method), np.uint8)
        if inner == (width, height):
            return part
        whole: Pixels = np.zeros((height, width, 3), np.uint8)
        whole[self.rows, self.columns] = part
        return whole


def _aligned_step(canvas: int, target: int) -> int | None:
    """Every how many target pixels the canvas grid and the target grid meet exactly.

    None if the ratio is no binary fraction: OpenCV's float32 positions then depend on where a
    part begins, and a part would not be reduced exactly as within the whole canvas.
    """
    step = Fraction(canvas, target).denominator
    return step if step & (step - 1) == 0 else None


def _aligned_range(
    low: float, high: float, target: int, canvas: int, step: int
) -> tuple[slice, slice]:
    """Target pixels that can see canvas pixels [low, high], and the canvas part they lie on."""
    first = min(max(int(low), 0), canvas)
    last = min(max(int(high) + 1, first), canvas)
    start = max((first * target // canvas - 1) // step * step, 0)
    stop = min(-((-last * target // canvas - 1) // step) * step, target)
    return slice(start, stop), slice(start * canvas // target, stop * canvas // target)
