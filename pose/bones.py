"""Figures as bones with a breadth: the parts that a puppet is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.skeleton import INDEX, LEFT_HAND, RIGHT_HAND, VISIBLE, Floats

# Of some persons: keypoints (P, 133, 2) and scores (P, 133).
Pose = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]

# Radius of the parts in lengths of the torso (neck to hips, some 0.5 m), wide enough for clothes.
# What is painted later covers what is painted before.
LIMBS = (
    ("left_ankle", "left_big_toe", 0.11),
    ("right_ankle", "right_big_toe", 0.11),
    ("left_knee", "left_ankle", 0.14),
    ("right_knee", "right_ankle", 0.14),
    ("left_hip", "left_knee", 0.2),
    ("right_hip", "right_knee", 0.2),
)
ARMS = (("shoulder", "elbow", 0.14), ("elbow", "wrist", 0.11))
HEAD_RADIUS, PALM_RADIUS, FINGER_RADIUS = 0.36, 0.1, 0.035
TORSO_MARGIN, TORSO_DEPTH = 0.14, 0.2  # around the joints; half of a torso's depth
HAND_LENGTH = 0.35  # of the forearm: where the palm is if no hand is seen
PALM, FINGERS = (0, 9), tuple((joint, joint + 1) for first in range(1, 21, 4)
                              for joint in range(first, first + 3))  # fmt: skip
TORSO = len(LIMBS)
BODY_PARTS = range(TORSO + 2)  # legs, torso, head
ARM_PARTS = range(BODY_PARTS.stop, BODY_PARTS.stop + 2 * (len(ARMS) + 1 + len(FINGERS)))
# The same part of the other side; of torso and head, themselves.
TWINS = (
    *(part ^ 1 for part in range(TORSO)), TORSO, TORSO + 1,
    *range(ARM_PARTS.start + len(ARM_PARTS) // 2, ARM_PARTS.stop),
    *range(ARM_PARTS.start, ARM_PARTS.start + len(ARM_PARTS) // 2),
)  # fmt: skip
LEAST = 1.0  # pixels: no bone and no body is taken to be shorter
FARTHEST = 1e5  # pixels: what lies further out is no joint


@dataclass(frozen=True)
class Bone:
    """A part in one picture: from one end to the other, and how far it reaches to its sides.

    side: negative if what is to the right of the bone is shown to its left.
    """

    start: Floats
    end: Floats
    side: float

    def mirrored(self) -> Bone:
        """The same with its sides exchanged."""
        return Bone(self.start, self.end, -self.side)

    def within(self, shape: tuple[int, ...]) -> bool:
        """Whether both ends are in a picture (H, W)."""
        ends = np.stack([self.start, self.end])
        return bool(((ends >= 0) & (ends <= (shape[1] - 1, shape[0] - 1))).all())

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

    def locate(self, rows: slice, columns: slice) -> tuple[Floats, Floats, Floats]:
        """How far the pixels of a window are along the bone, beyond its ends, and aside from it."""
        x = np.arange(columns.start, columns.stop) - self.start[0]
        y = np.arange(rows.start, rows.stop)[:, None] - self.start[1]
        ahead = x * self.along[0] + y * self.along[1]
        inner = ahead.clip(0.0, self.length)
        return inner, ahead - inner, x * self.across[0] + y * self.across[1]

    def places(self, ahead: Floats, aside: Floats) -> tuple[Floats, Floats]:
        """The columns and rows of what is so far along the bone and aside from it."""
        column, row = (
            self.start[axis] + ahead * self.along[axis] + aside * self.across[axis]
            for axis in range(2)
        )
        return column, row


Bones = Sequence[Bone | None]  # of one figure: BODY_PARTS, then ARM_PARTS; None for a missing one


def bones_of(pose: Pose) -> list[Bones]:
    """The bones of every figure of a pose."""
    return [list(Body(points, scores).bones()) for points, scores in zip(*pose, strict=True)]


class Body:
    """The joints of one figure, to be made into bones."""

    def __init__(self, points: Floats, scores: Floats) -> None:
        self._points = np.asarray(points, float)
        near = (np.abs(self._points) < FARTHEST).all(axis=-1)  # what is not a number is not
        self._seen = (np.asarray(scores) > VISIBLE) & near
        self.neck = self._middle("left_shoulder", "right_shoulder")
        self.hips = self._middle("left_hip", "right_hip")
        self.unit = self._unit()

    def bones(self) -> Iterator[Bone | None]:
        """Every part in the order in which they are painted; None for a missing one."""
        for first, second, radius in LIMBS:
            yield self._limb(first, second, radius)
        yield self._torso()
        yield self._head()
        for side, hand in (("left", LEFT_HAND), ("right", RIGHT_HAND)):
            for first, second, radius in ARMS:
                yield self._limb(f"{side}_{first}", f"{side}_{second}", radius)
            yield self._palm(side, hand)
            for joint, following in FINGERS:
                yield self._between(hand.start + joint, hand.start + following, FINGER_RADIUS)

    def _unit(self) -> float:
        """The torso's length, or what it must be by other bones where those are less shortened."""
        lengths = [LEAST]
        if self.neck is not None and self.hips is not None:
            lengths.append(float(np.linalg.norm(self.neck - self.hips)))
        shoulders = [INDEX["left_shoulder"], INDEX["right_shoulder"]]
        if self._seen[shoulders].all():
            across = self._points[shoulders[0]] - self._points[shoulders[1]]
            lengths.append(1.3 * float(np.linalg.norm(across)))
        return max(lengths)

    def _middle(self, *names: str) -> Floats | None:
        joints = [INDEX[name] for name in names]
        return self._points[joints].mean(axis=0) if self._seen[joints].all() else None

    def _limb(self, first: str, second: str, radius: float) -> Bone | None:
        return self._between(INDEX[first], INDEX[second], radius)

    def _between(self, first: int, second: int, radius: float) -> Bone | None:
        if not (self._seen[first] and self._seen[second]):
            return None
        return Bone(self._points[first], self._points[second], radius * self.unit)

    def _torso(self) -> Bone | None:
        if self.neck is None or self.hips is None:
            return None
        spine = Bone(self.neck, self.hips, 0.0)
        shoulders = self._points[INDEX["left_shoulder"]] - self._points[INDEX["right_shoulder"]]
        half = float(shoulders @ spine.across) / 2
        wide = float(np.hypot(half, TORSO_DEPTH * self.unit)) + TORSO_MARGIN * self.unit
        return Bone(self.neck, self.hips, float(np.copysign(wide, half)))

    def _head(self) -> Bone | None:
        """From between the ears, which stay where they are when the head turns, to the neck."""
        if self.neck is None:
            return None
        for names in (("left_ear", "right_ear"), ("left_eye", "right_eye", "nose")):
            seen = [INDEX[name] for name in names if self._seen[INDEX[name]]]
            if seen:
                middle = self._points[seen].mean(axis=0)
                return Bone(middle, self.neck, HEAD_RADIUS * self.unit)
        return None

    def _palm(self, side: str, hand: slice) -> Bone | None:
        known = self._between(hand.start + PALM[0], hand.start + PALM[1], PALM_RADIUS)
        forearm = self._limb(f"{side}_elbow", f"{side}_wrist", PALM_RADIUS)
        if known is not None or forearm is None:
            return known
        tip = forearm.end + HAND_LENGTH * (forearm.end - forearm.start)
        return Bone(forearm.end, tip, forearm.side)
