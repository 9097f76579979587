"""The drawing that SVD-ControlNeXt was trained on, pixel for pixel.

Source of every number here: the facts in the golden case `pose_draw`, recorded from the official
code. Points are in [0, 1] of the picture; the canvas always has a short side of 2160 and is
then reduced without antialiasing. Only the part around the figure is ever touched.
"""

from __future__ import annotations

import colorsys
import math
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.looks.palette import BODY_COLOURS, HAND_EDGES, LIMBS
from pose.skeleton import (
    OPENPOSE_BODY,
    OPENPOSE_FACE,
    OPENPOSE_LEFT_HAND,
    OPENPOSE_RIGHT_HAND,
    VISIBLE,
    Floats,
)

Pixels = NDArray[np.uint8]
Ints = NDArray[np.int64]

CANVAS_SHORT_SIDE = 2160
LIMB_HALF_WIDTH = 4
JOINT_RADIUS = 4
HAND_WIDTH = 2
FACE_RADIUS = 3
FAR = 16.0  # points further away than this many pictures would overflow OpenCV's integers
MOST_SCORE = 1000.0  # larger ones would overflow OpenCV's colours, which end at 255 anyway
DIMMED = (np.arange(256) * 0.6).astype(np.uint8)  # the canvas, once all limbs are drawn
HAND_HUES = np.array(
    [colorsys.hsv_to_rgb(i / len(HAND_EDGES), 1.0, 1.0) for i in range(len(HAND_EDGES))]
)


def draw_official(points: Floats, scores: Floats, size: tuple[int, int]) -> Pixels:
    """Skeletons as the official code draws them: (H, W, 3) RGB.

    points (P, 134, 2) in OpenPose's order, in [0, 1] of the picture, NaN = missing;
    scores (P, 134); size = (width, height).
    """
    canvas = _Canvas(size)
    scores = scores.clip(-MOST_SCORE, MOST_SCORE)
    with np.errstate(invalid="ignore"):
        points = np.where((np.abs(points) <= FAR).all(axis=-1, keepdims=True), points, np.nan)
    _draw_body(canvas, points[:, OPENPOSE_BODY], scores[:, OPENPOSE_BODY])
    for hand in (OPENPOSE_LEFT_HAND, OPENPOSE_RIGHT_HAND):
        for person in range(len(points)):
            _draw_hand(canvas, points[person, hand], scores[person, hand])
    for person in range(len(points)):
        _draw_face(canvas, points[person, OPENPOSE_FACE], scores[person, OPENPOSE_FACE])
    return canvas.reduced()


class _Canvas:
    """A large black picture that remembers which part of it was drawn on.

    np.zeros maps its memory lazily, so the untouched part costs neither time nor memory.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        width, height = size
        short = min(width, height)
        scale = CANVAS_SHORT_SIDE / short if short != CANVAS_SHORT_SIDE else 1
        self.target = size
        self.pixels: Pixels = np.zeros((int(height * scale), int(width * scale), 3), np.uint8)
        self.size = np.array(self.pixels.shape[1::-1], dtype=np.float64)
        self.low = self.pixels.shape[1::-1]
        self.high = (0, 0)

    def circle(self, centre: tuple[int, int], radius: int, colour: tuple[float, ...]) -> None:
        self._touch(centre, centre, radius)
        cv2.circle(self.pixels, centre, radius, colour, thickness=-1)

    def line(
        self, start: tuple[int, int], end: tuple[int, int], width: int, colour: tuple[float, ...]
    ) -> None:
        low = (min(start[0], end[0]), min(start[1], end[1]))
        high = (max(start[0], end[0]), max(start[1], end[1]))
        self._touch(low, high, width)
        cv2.line(self.pixels, start, end, colour, thickness=width)

    def polygon(self, outline: NDArray[np.int32], colour: tuple[float, ...]) -> None:
        low, high = outline.min(axis=0), outline.max(axis=0)
        self._touch((int(low[0]), int(low[1])), (int(high[0]), int(high[1])), 0)
        cv2.fillConvexPoly(self.pixels, outline, colour)

    def dim(self) -> None:
        """Darken everything drawn so far."""
        left, top, right, bottom = self._box(0)
        if right > left and bottom > top:
            part = self.pixels[top:bottom, left:right]
            part[:] = cv2.LUT(part, DIMMED)

    def reduced(self) -> Pixels:
        """The picture at the target size, with the channels reversed: (H, W, 3)."""
        width, height = self.target
        step_x = _aligned_step(int(self.size[0]), width)
        step_y = _aligned_step(int(self.size[1]), height)
        if step_x is None or step_y is None:
            small = cv2.resize(self.pixels, self.target, interpolation=cv2.INTER_LINEAR)
            return np.ascontiguousarray(small[:, :, ::-1], dtype=np.uint8)
        result: Pixels = np.zeros((height, width, 3), np.uint8)
        box = self._box(2)
        if box[2] > box[0] and box[3] > box[1]:
            out_x, in_x = _aligned_range(box[0], box[2], width, int(self.size[0]), step_x)
            out_y, in_y = _aligned_range(box[1], box[3], height, int(self.size[1]), step_y)
            part = cv2.resize(
                self.pixels[in_y, in_x],
                (out_x.stop - out_x.start, out_y.stop - out_y.start),
                interpolation=cv2.INTER_LINEAR,
            )
            result[out_y, out_x] = part[:, :, ::-1]
        return result

    def _touch(self, low: tuple[int, int], high: tuple[int, int], margin: int) -> None:
        margin += 2  # rounding inside OpenCV
        self.low = (min(self.low[0], low[0] - margin), min(self.low[1], low[1] - margin))
        self.high = (max(self.high[0], high[0] + margin), max(self.high[1], high[1] + margin))

    def _box(self, margin: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the touched part inside the canvas."""
        height, width = self.pixels.shape[:2]
        return (
            max(self.low[0] - margin, 0),
            max(self.low[1] - margin, 0),
            min(self.high[0] + margin + 1, width),
            min(self.high[1] + margin + 1, height),
        )


def _aligned_step(canvas: int, target: int) -> int | None:
    """Every how many target pixels the canvas grid and the target grid meet exactly.

    None if the ratio is no binary fraction: OpenCV's float32 positions then depend on where a
    part begins, and a part would not be reduced exactly as within the whole canvas.
    """
    step = Fraction(canvas, target).denominator
    return step if step & (step - 1) == 0 else None


def _aligned_range(low: int, high: int, target: int, canvas: int, step: int) -> tuple[slice, slice]:
    """Target pixels that can see canvas pixels [low, high), and the canvas part they lie on."""
    start = max((low * target // canvas - 1) // step * step, 0)
    stop = min(-((-high * target // canvas - 1) // step) * step, target)
    return slice(start, stop), slice(start * canvas // target, stop * canvas // target)


def _draw_body(canvas: _Canvas, points: Floats, scores: Floats) -> None:
    """Limbs of all persons (limb by limb), dimmed, then their joints. (P, 18, 2), (P, 18)."""
    where = points * canvas.size
    for limb, joints in enumerate(LIMBS):
        for person in range(len(points)):
            first, second = (float(score) for score in scores[person, list(joints)])
            if first < VISIBLE or second < VISIBLE:
                continue
            # An end with a score of exactly the threshold passes this test, but its row in the
            # official table is -1: the limb ends at the last joint of the last person.
            ends = [where[person, j] if scores[person, j] > VISIBLE else where[-1, -1]
                    for j in joints]  # fmt: skip
            if np.isfinite(ends).all():
                _draw_limb(canvas, ends, _faded(BODY_COLOURS[limb], first * second))
    canvas.dim()
    for joint, colour in enumerate(BODY_COLOURS):
        for person in range(len(points)):
            score = float(scores[person, joint])
            if score > VISIBLE and np.isfinite(where[person, joint]).all():
                x, y = where[person, joint]
                canvas.circle((int(x), int(y)), JOINT_RADIUS, _faded(colour, score))


def _draw_limb(canvas: _Canvas, ends: list[Floats], colour: tuple[int, ...]) -> None:
    (x0, y0), (x1, y1) = ends
    length = ((y0 - y1) ** 2 + (x0 - x1) ** 2) ** 0.5
    angle = int(math.degrees(math.atan2(y0 - y1, x0 - x1)))
    centre = (int((x0 + x1) / 2), int((y0 + y1) / 2))
    axes = (int(length / 2), LIMB_HALF_WIDTH)
    outline = np.asarray(cv2.ellipse2Poly(centre, axes, angle, 0, 360, 1), np.int32)
    canvas.polygon(outline, colour)


def _faded(colour: tuple[int, int, int], alpha: float) -> tuple[int, ...]:
    return tuple(int(channel * alpha) for channel in colour)


def _whole(points: Floats, size: Floats) -> list[tuple[int, int] | None]:
    """Whole canvas pixels of points (K, 2); None where missing or on or before the first ones."""
    seen = np.isfinite(points).all(axis=-1)
    pixels = (np.where(seen[:, None], points, 0.0) * size).astype(np.int64)
    return [(int(x), int(y)) if x > 0 and y > 0 else None for x, y in pixels]


def _draw_hand(canvas: _Canvas, points: Floats, scores: Floats) -> None:
    """Fingers and knuckles of one hand, however low their scores: (21, 2), (21,)."""
    where = _whole(points, canvas.size)
    for edge, (a, b) in enumerate(HAND_EDGES):
        start, end = where[a], where[b]
        if start and end:
            strength = int(scores[a] * scores[b] * 255)
            canvas.line(start, end, HAND_WIDTH, tuple(HAND_HUES[edge] * strength))
    for centre, score in zip(where, scores, strict=True):
        if centre:
            canvas.circle(centre, JOINT_RADIUS, (0, 0, int(score * 255)))


def _draw_face(canvas: _Canvas, points: Floats, scores: Floats) -> None:
    """Grey dots, however low their scores: (68, 2), (68,)."""
    for centre, score in zip(_whole(points, canvas.size), scores, strict=True):
        if centre:
            grey = int(score * 255)
            canvas.circle(centre, FACE_RADIUS, (grey, grey, grey))
