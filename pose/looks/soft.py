"""An anti-aliased drawing that stays readable at a height of 192 pixels.

Widths are proportional to the picture's short side; fingers are drawn last, on top. Drawn
larger with OpenCV at a sixteenth of a pixel, then averaged down. The embedded model was trained
on it.
"""

from __future__ import annotations

import colorsys

from pose.looks.palette import (
    BODY_COLOURS,
    HAND_EDGES,
    LIMB_COLOURS,
    LIMBS,
    dots,
    hand_edges,
    span,
)
from pose.looks.style import Edge, Layer, Style, Tint
from pose.skeleton import (
    OPENPOSE_BODY,
    OPENPOSE_FACE,
    OPENPOSE_LEFT_HAND,
    OPENPOSE_RIGHT_HAND,
    VISIBLE,
)

# In short sides of the picture, chosen by eye at 128x192.
LIMB_WIDTH = 1 / 36
FOOT_WIDTH = 1 / 60
JOINT_RADIUS = 1 / 60
FINGER_WIDTH = 1 / 90
TIP_RADIUS = 1 / 130
FACE_RADIUS = 1 / 220
LIMB_SHADE = 0.7  # limbs are darker than the joints on them
FACE_GREY: Tint = (110, 110, 110)

FEET: tuple[Edge, ...] = ((13, 18), (10, 21))  # ankle to big toe, left and right
FINGER_HUES = (0.0, 0.12, 0.33, 0.55, 0.83)  # thumb to little finger
PALM_SHADE = 0.55  # wrist to knuckles, so that the fingers themselves stand out
TIPS = range(4, 21, 4)


def _finger_colours() -> tuple[Tint, ...]:
    """One colour an edge of the hand; the first edge of a finger belongs to the palm."""
    colours: list[Tint] = []
    for edge in range(len(HAND_EDGES)):
        shade = PALM_SHADE if edge % 4 == 0 else 1.0
        rgb = colorsys.hsv_to_rgb(FINGER_HUES[edge // 4], 0.75, shade)
        colours.append((round(rgb[0] * 255), round(rgb[1] * 255), round(rgb[2] * 255)))
    return tuple(colours)


FINGER_COLOURS = _finger_colours()


def _lines(joints: tuple[Edge, ...], colours: tuple[Tint, ...], width: float) -> Layer:
    shade = LIMB_SHADE if width > FINGER_WIDTH else 1.0
    return Layer(
        shape="line", joints=joints, colours=colours, width=width, shade=shade, seen_above=VISIBLE
    )


def _dots(joints: tuple[Edge, ...], colours: tuple[Tint, ...], radius: float) -> Layer:
    return Layer(shape="dot", joints=joints, colours=colours, width=radius, seen_above=VISIBLE)


def _hand(joints: slice) -> tuple[Layer, Layer]:
    tips = tuple(FINGER_COLOURS[tip - 1] for tip in TIPS)
    return (
        _lines(hand_edges(joints), FINGER_COLOURS, FINGER_WIDTH),
        _dots(dots(joints.start + tip for tip in TIPS), tips, TIP_RADIUS),
    )


PERSON = (
    _lines(LIMBS, LIMB_COLOURS, LIMB_WIDTH),
    _lines(FEET, tuple(BODY_COLOURS[ankle] for ankle, _ in FEET), FOOT_WIDTH),
    _dots(dots(span(OPENPOSE_BODY)), BODY_COLOURS, JOINT_RADIUS),
    _dots(dots(span(OPENPOSE_FACE)), (FACE_GREY,) * 68, FACE_RADIUS),
    *_hand(OPENPOSE_LEFT_HAND),
    *_hand(OPENPOSE_RIGHT_HAND),
)
SOFT = Style(passes=(PERSON,), unit=1, supersample=4, drawn_short_side=512, subpixel=True)
