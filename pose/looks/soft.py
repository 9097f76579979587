"""An anti-aliased drawing that stays readable at a height of 192 pixels.

Widths are proportional to the picture's short side; fingers are drawn last, on top. Drawn
larger with OpenCV at a sixteenth of a pixel, then averaged down.
"""

from __future__ import annotations

import colorsys

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.looks.palette import BODY_COLOURS, HAND_EDGES, LIMBS, Colour
from pose.skeleton import (
    OPENPOSE_BODY,
    OPENPOSE_FACE,
    OPENPOSE_LEFT_HAND,
    OPENPOSE_RIGHT_HAND,
    VISIBLE,
    Floats,
)

# In short sides of the picture, chosen by eye at 128x192.
LIMB_WIDTH = 1 / 36
FOOT_WIDTH = 1 / 60
JOINT_RADIUS = 1 / 60
FINGER_WIDTH = 1 / 90
TIP_RADIUS = 1 / 130
FACE_RADIUS = 1 / 220
LEAST_WIDTH = 1.0  # pixels; thinner lines would fade
LIMB_SHADE = 0.7  # limbs are darker than the joints on them
FACE_GREY: Colour = (110, 110, 110)

FEET: tuple[tuple[int, int], ...] = ((13, 18), (10, 21))  # ankle to big toe, left and right
FINGER_HUES = (0.0, 0.12, 0.33, 0.55, 0.83)  # thumb to little finger
PALM_SHADE = 0.55  # wrist to knuckles, so that the fingers themselves stand out

SUBPIXEL_BITS = 4
DRAWN_SHORT_SIDE = 512  # supersample towards this, at most ...
MOST_SUPERSAMPLING = 4  # ... this often
FAR = 16.0  # points further away than this many pictures would overflow OpenCV's integers


def _finger_colours() -> tuple[Colour, ...]:
    """One colour an edge of the hand; the first edge of a finger belongs to the palm."""
    colours: list[Colour] = []
    for edge in range(len(HAND_EDGES)):
        shade = PALM_SHADE if edge % 4 == 0 else 1.0
        rgb = colorsys.hsv_to_rgb(FINGER_HUES[edge // 4], 0.75, shade)
        colours.append((round(rgb[0] * 255), round(rgb[1] * 255), round(rgb[2] * 255)))
    return tuple(colours)


FINGER_COLOURS = _finger_colours()
LIMB_COLOURS: tuple[Colour, ...] = tuple(
    (int(r * LIMB_SHADE), int(g * LIMB_SHADE), int(b * LIMB_SHADE)) for r, g, b in BODY_COLOURS
)


def draw_soft(points: Floats, scores: Floats, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Soft skeletons: (H, W, 3) RGB.

    points (P, 134, 2) in OpenPose's order, in [0, 1] of the picture, NaN = missing;
    scores (P, 134), joints of at most the visibility threshold are left out;
    size = (width, height).
    """
    width, height = size
    factor = min(max(round(DRAWN_SHORT_SIDE / min(size)), 1), MOST_SUPERSAMPLING)
    brush = _Brush(size, factor)
    for person in range(len(points)):
        where = brush.positions(points[person], scores[person])
        _draw_person(brush, where)
    if factor == 1:
        return brush.pixels
    return np.asarray(
        cv2.resize(brush.pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8
    )


class _Brush:
    """The enlarged canvas and its units."""

    def __init__(self, size: tuple[int, int], factor: int) -> None:
        width, height = size
        self.pixels: NDArray[np.uint8] = np.zeros((height * factor, width * factor, 3), np.uint8)
        self.size = np.array([width, height], dtype=np.float64) * factor
        self.factor = factor
        self.unit = min(size) * factor
        self.line_type = cv2.LINE_AA if factor == 1 else cv2.LINE_8

    def positions(self, points: Floats, scores: Floats) -> list[tuple[int, int] | None]:
        """Fixed-point canvas positions, None where a joint is not to be drawn."""
        with np.errstate(invalid="ignore"):
            seen = (np.abs(points) <= FAR).all(axis=-1) & (scores > VISIBLE)
        # A point at x covers the pixel around x - 0.5: pixel centres are at halves.
        canvas = np.where(seen[:, None], points, 0.0) * self.size - 0.5
        fixed = np.rint(canvas * (1 << SUBPIXEL_BITS)).astype(np.int64).tolist()
        return [(x, y) if ok else None for (x, y), ok in zip(fixed, seen.tolist(), strict=True)]

    def line(
        self,
        start: tuple[int, int] | None,
        end: tuple[int, int] | None,
        width: float,
        colour: Colour,
    ) -> None:
        if start is not None and end is not None:
            thickness = max(round(max(width * self.unit, LEAST_WIDTH * self.factor)), 1)
            cv2.line(self.pixels, start, end, colour, thickness, self.line_type, SUBPIXEL_BITS)

    def dot(self, centre: tuple[int, int] | None, radius: float, colour: Colour) -> None:
        if centre is not None:
            fixed = round(max(radius * self.unit, self.factor / 2) * (1 << SUBPIXEL_BITS))
            cv2.circle(self.pixels, centre, fixed, colour, -1, self.line_type, SUBPIXEL_BITS)


def _draw_person(brush: _Brush, where: list[tuple[int, int] | None]) -> None:
    for (a, b), colour in zip(LIMBS, LIMB_COLOURS, strict=False):
        brush.line(where[a], where[b], LIMB_WIDTH, colour)
    for ankle, toe in FEET:
        brush.line(where[ankle], where[toe], FOOT_WIDTH, LIMB_COLOURS[ankle])
    for centre, colour in zip(where[OPENPOSE_BODY], BODY_COLOURS, strict=True):
        brush.dot(centre, JOINT_RADIUS, colour)
    for centre in where[OPENPOSE_FACE]:
        brush.dot(centre, FACE_RADIUS, FACE_GREY)
    for hand in (where[OPENPOSE_LEFT_HAND], where[OPENPOSE_RIGHT_HAND]):
        for (a, b), colour in zip(HAND_EDGES, FINGER_COLOURS, strict=True):
            brush.line(hand[a], hand[b], FINGER_WIDTH, colour)
        for tip in range(4, 21, 4):
            brush.dot(hand[tip], TIP_RADIUS, FINGER_COLOURS[tip - 1])
