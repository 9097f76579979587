"""A part of a figure in one picture: where its pixels lie beside it, and beside it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pose.skeleton import Floats

LEAST = 1.0  # pixels: no bone and no body is taken to be shorter
# Of a torso's length, over which it widens from its shoulders, flat when seen from the side, to its
# chest; and how many times less than to its sides it reaches above its shoulders, below its hips.
# Else shoulders and hips of one pose stand out of another as points.
CHEST, NAPE, LAP = 0.35, 2.5, 2.0
# How many times less than to its sides a head reaches below its neck; and how many times less to
# its sides there: what is aside of a neck are shoulders.
COLLAR, NECK = 3.0, 2.0
# How many times less than to its sides a skirt reaches above its waist and below its hem: what is
# there are a torso and legs, which go their own ways.
EDGE = 2.5
# Of a head's breadth, the radius of the ball that a face is on (0.55 and 1 do worse by 0.2 dB); and
# of that, how far a face is turned at most, less towards the ball's edge, where it would fold.
BALL, MOST_TURN, NEAR_EDGE = 0.7, 0.5, 0.3

Place = tuple[Floats, Floats, Floats]  # along a bone, beyond its ends, aside from it, in pixels


@dataclass(frozen=True)
class Bone:
    """A part in one picture: from one end to the other, and how far it reaches to its sides.

    side: negative if what is to the right of the bone is shown to its left.
    """

    start: Floats
    end: Floats
    side: float

    # In breadths: so far beyond a picture's edges a part goes on as it is at the edge.
    unseen: ClassVar[float] = 0.9

    def mirrored(self) -> Bone:
        """The same with its sides exchanged."""
        return replace(self, side=-self.side)

    def within(self, shape: tuple[int, ...]) -> bool:
        """Whether both ends and what is beside them are in a picture (H, W)."""
        ends, last = np.stack([self.start, self.end]), np.array([shape[1] - 1, shape[0] - 1])
        return bool(((ends >= abs(self.side)) & (ends <= last - abs(self.side))).all())

    @cached_property
    def length(self) -> float:
        """From end to end, in pixels."""
        return max(float(np.linalg.norm(self.end - self.start)), LEAST)

    @cached_property
    def along(self) -> Floats:
        """The direction from start to end, of length 1."""
        return (self.end - self.start) / self.length

    @cached_property
    def across(self) -> Floats:
        """The direction to the bone's right, seen from its start."""
        return np.array([-self.along[1], self.along[0]])

    def window(self, shape: tuple[int, ...], breadths: float) -> tuple[slice, slice]:
        """The rows and columns of a picture (H, W) that lie within so many breadths, or more."""
        reach = breadths * abs(self.side)
        ends, size = np.stack([self.start, self.end]), (shape[1], shape[0])
        left, top = np.clip(np.floor(ends.min(axis=0) - reach), 0, size).astype(int)
        right, bottom = np.clip(np.ceil(ends.max(axis=0) + reach) + 1, 0, size).astype(int)
        return slice(top, bottom), slice(left, right)

    def locate(self, x: NDArray[Any], y: NDArray[Any]) -> Place:
        """Where some points are beside the bone; aside as if it were as wide all along."""
        x, y = x - self.start[0], y - self.start[1]
        ahead = x * self.along[0] + y * self.along[1]
        inner = ahead.clip(0.0, self.length)
        aside = x * self.across[0] + y * self.across[1]
        return inner, ahead - inner, aside / self.breadth(inner)

    def locate_pixels(self, rows: slice, columns: slice) -> Place:
        """Where the pixels of a window are beside the bone."""
        return self.locate(
            np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop)[:, None]
        )

    def breadth(self, ahead: Floats) -> Floats:
        """How wide the bone is so far along it, of its side."""
        return np.ones_like(ahead)

    def distance(self, place: Place) -> Floats:
        """How far what is there is from the bone, in its breadths."""
        _, beyond, aside = place
        return np.hypot(beyond, aside) / abs(self.side)

    def places(self, ahead: Floats, aside: Floats) -> tuple[Floats, Floats]:
        """The columns and rows of what is so far along the bone and aside from it."""
        aside = aside * self.breadth(ahead)
        column, row = (
            self.start[axis] + ahead * self.along[axis] + aside * self.across[axis]
            for axis in range(2)
        )
        return column, row

    def carried(self, other: Bone, place: Place) -> tuple[Floats, Floats]:
        """The columns and rows beside this bone of what is there beside the same in a picture."""
        inner, beyond, aside = place
        grown = self.side / other.side
        ahead = inner * (self.length / other.length) + beyond * abs(grown)
        return self.places(ahead, aside * grown)

    def turned(self, other: Bone, place: Place) -> Floats:
        """How far from where it is carried its colour is, (2, 1, 1) or (2, H, W): columns, rows."""
        return np.zeros((2, 1, 1))


@dataclass(frozen=True)
class Torso(Bone):
    """From the neck to between the hips. shoulders: how wide it is at its start, of its side."""

    shoulders: float = 1.0

    def breadth(self, ahead: Floats) -> Floats:
        """See `Bone.breadth`."""
        share = np.clip(ahead / (CHEST * self.length), 0.0, 1.0)
        return self.shoulders + (1 - self.shoulders) * share

    def distance(self, place: Place) -> Floats:
        """See `Bone.distance`."""
        inner, beyond, aside = place
        return super().distance((inner, beyond * np.where(beyond < 0, NAPE, LAP), aside))


@dataclass(frozen=True)
class Skirt(Bone):
    """From between the hips towards the knees. waist: how wide it is at its start, of its side."""

    waist: float = 1.0

    unseen: ClassVar[float] = np.inf  # as cloth hangs down

    def breadth(self, ahead: Floats) -> Floats:
        """See `Bone.breadth`."""
        return self.waist + (1 - self.waist) * np.clip(ahead / self.length, 0.0, 1.0)

    def distance(self, place: Place) -> Floats:
        """See `Bone.distance`."""
        inner, beyond, aside = place
        return super().distance((inner, EDGE * beyond, aside))


@dataclass(frozen=True)
class Head(Bone):
    """From between the ears to the neck. face: (2,), the middle of eyes and nose, if known.

    A face is on a ball: when it turns, its features move most in the ball's middle, and the head
    keeps its outline.
    """

    face: Floats | None = None

    def mirrored(self) -> Head:
        """See `Bone.mirrored`."""
        if self.face is None:
            return replace(self, side=-self.side)
        inner, beyond, aside = self.locate(*self.face)
        face = np.stack(self.places(inner + beyond, -aside))
        return replace(self, side=-self.side, face=face)

    def distance(self, place: Place) -> Floats:
        """See `Bone.distance`."""
        inner, beyond, aside = place
        low = np.clip(2 * inner / self.length - 1, 0.0, 1.0)  # from halfway down
        beyond = np.where(beyond > 0, COLLAR * beyond, beyond)
        return super().distance((inner, beyond, aside * (1 + (NECK - 1) * low)))

    def turned(self, other: Bone, place: Place) -> Floats:
        """See `Bone.turned`."""
        if not isinstance(other, Head) or self.face is None or other.face is None:
            return super().turned(other, place)
        its_face = other.locate(*other.face)
        room = max(float(other._height(its_face)), NEAR_EDGE)
        way = self.face - np.stack(self.carried(other, its_face))
        longest = MOST_TURN * room * BALL * abs(self.side)
        way *= min(1.0, longest / max(float(np.hypot(*way)), LEAST))
        share = np.clip(other._height(place), 0.0, None) / room
        return np.asarray(way[:, None, None] * share)

    def _height(self, place: Place) -> Floats:
        """How high the face's ball is there, roughly: 1 in the middle, 0 at its edge."""
        inner, beyond, aside = place
        return np.asarray(1 - ((inner + beyond) ** 2 + aside**2) / (BALL * self.side) ** 2)
