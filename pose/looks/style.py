"""What a look is: plain data that one painter draws from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from pose.skeleton import OPENPOSE_COUNT, VISIBLE, Floats

Tint = tuple[float, float, float]
Edge = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Strokes of one kind, drawn in this order; joints are numbered in OpenPose's order.

    Lengths are in pixels of a picture with a short side of the style's `unit`.
    """

    shape: Literal["spindle", "line", "dot"]  # a spindle is an ellipse from joint to joint
    joints: tuple[Edge, ...]  # both ends; a dot has the same joint twice
    colours: tuple[Tint, ...]  # one a stroke, in [0, 255]
    width: float  # of a line; half of a spindle's; the radius of a dot
    # What the scores do to a colour: nothing; weaken each channel; weaken it in whole steps.
    fade: Literal["", "channels", "steps"] = ""
    shade: float = 1.0  # darkens the faded colour
    seen_above: float = -math.inf  # strokes need scores above this
    inside: bool = False  # leave out joints on or before the first row or column
    last_at_threshold: bool = False  # the official rule for scores on the threshold, see `paint`
    of_hand: float = 0.0  # the width in lengths of the hand, if that is more than `width` ...
    wrist: int = 0  # where that hand begins
    most: float = 0.0  # ... and up to this


@dataclass(frozen=True, kw_only=True)
class Style:
    """A look: its layers, and the canvas that they are drawn on.

    For each pass, for each person, each of the pass's layers is drawn; later strokes cover earlier
    ones. `canvas`: short side of a larger picture that is then reduced without antialiasing.
    `supersample`: draw so often larger at most, with a short side of about `drawn_short_side`,
    and average. Neither: drawn at its final size.
    """

    passes: tuple[tuple[Layer, ...], ...]
    unit: float
    canvas: int = 0
    supersample: int = 1
    drawn_short_side: int = 512
    subpixel: bool = False  # positions to a sixteenth of a pixel; antialiased at the final size

    @cached_property
    def lowest(self) -> Floats:
        """(134,) scores from which on a joint may be drawn; infinite if it never is."""
        lowest = np.full(OPENPOSE_COUNT, np.inf)
        for layer in self.layers:
            joints = np.unique(layer.joints)
            score = VISIBLE if layer.last_at_threshold else layer.seen_above
            lowest[joints] = np.minimum(lowest[joints], score)
        return lowest

    @cached_property
    def reach(self) -> float:
        """How far strokes go beyond their joints, in the style's unit."""
        return max(max(layer.width, layer.most) for layer in self.layers)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(layer for layers in self.passes for layer in layers)
