"""Which joints are connected, and in which colours.

Indices are those of OpenPose's order (`pose.skeleton.insert_neck`). Colours are OpenPose's
(github.com/CMU-Perceptual-Computing-Lab/openpose, its COCO model), as DWPose took them over.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

from pose.looks.style import Edge, Tint

# Neck to shoulders, arms, neck to hips, legs, neck to nose, nose to eyes to ears.
LIMBS: tuple[Edge, ...] = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7),
    (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip

# One for each body joint; limb i has the colour of joint i.
BODY_COLOURS: tuple[Tint, ...] = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0),
    (0, 255, 0), (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255),
    (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
)  # fmt: skip
LIMB_COLOURS = BODY_COLOURS[: len(LIMBS)]

# Wrist 0, then four joints a finger from the thumb to the little finger.
HAND_EDGES: tuple[Edge, ...] = tuple(
    (0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, 21)
)
# DWPose's: once around the circle of hues, in [0, 1].
HAND_HUES: tuple[Tint, ...] = tuple(
    colorsys.hsv_to_rgb(edge / len(HAND_EDGES), 1.0, 1.0) for edge in range(len(HAND_EDGES))
)


def dots(joints: Iterable[int]) -> tuple[Edge, ...]:
    """The edges of a layer of dots."""
    return tuple((joint, joint) for joint in joints)


def hand_edges(hand: slice) -> tuple[Edge, ...]:
    """The edges of a hand whose joints begin at the slice's start."""
    return tuple((hand.start + a, hand.start + b) for a, b in HAND_EDGES)


def span(joints: slice) -> range:
    """The numbers of the joints of a part."""
    return range(joints.start, joints.stop)
