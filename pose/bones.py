"""Figures as bones with a breadth: the parts that a puppet is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.beyond import reach_beyond
from pose.bone import LEAST, Bone, Head, Torso
from pose.skeleton import INDEX, LEFT_HAND, RIGHT_HAND, VISIBLE, Floats

# Of some persons: keypoints (P, 133, 2) and scores (P, 133).
Pose = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]

# Radius of the parts in lengths of the torso (neck to hips, some 0.5 m), wide enough for clothes.
# What is painted later covers what is painted before.
THIGH_RADIUS = 0.2
LIMBS = (
    ("left_ankle", "left_big_toe", 0.11),
    ("right_ankle", "right_big_toe", 0.11),
    ("left_knee", "left_ankle", 0.14),
    ("right_knee", "right_ankle", 0.14),
    ("left_hip", "left_knee", THIGH_RADIUS),
    ("right_hip", "right_knee", THIGH_RADIUS),
)
ARMS = (("shoulder", "elbow", 0.14), ("elbow", "wrist", 0.11))
FACE_JOINTS = ("left_eye", "right_eye", "nose")
HEAD_RADIUS, PALM_RADIUS, FINGER_RADIUS = 0.36, 0.1, 0.035
TORSO_MARGIN, TORSO_DEPTH = 0.14, 0.2  # around the joints; half of a torso's depth
HAND_LENGTH = 0.35  # of the forearm: where the palm is if no hand is seen
PALM, FINGERS = (0, 9), tuple((joint, joint + 1) for first in range(1, 21, 4)
                              for joint in range(first, first + 3))  # fmt: skip
SHINS, THIGHS = tuple(range(len(LIMBS)))[2:4], tuple(range(len(LIMBS)))[-2:]
SKIRT, TORSO, HEAD = range(len(LIMBS), len(LIMBS) + 3)
BODY_PARTS = range(HEAD + 1)  # legs, what is worn around them, torso, head
ARM_PARTS = range(BODY_PARTS.stop, BODY_PARTS.stop + 2 * (len(ARMS) + 1 + len(FINGERS)))
PARTS = ARM_PARTS.stop
HANDS = tuple(  # of each side the palm, and the bones of its fingers
    (palm, range(palm + 1, palm + 1 + len(FINGERS)))
    for palm in (ARM_PARTS.start + len(ARMS), ARM_PARTS.stop - 1 - len(FINGERS))
)
# The same part of the other side; of skirt, torso and head, themselves.
TWINS = (
    *(part ^ 1 for part in range(SKIRT)), SKIRT, TORSO, HEAD,
    *range(ARM_PARTS.start + len(ARM_PARTS) // 2, ARM_PARTS.stop),
    *range(ARM_PARTS.start, ARM_PARTS.start + len(ARM_PARTS) // 2),
)  # fmt: skip
FARTHEST = 1e5  # pixels: what lies further out is no joint


Bones = Sequence[Bone | None]  # of one figure: BODY_PARTS, then ARM_PARTS; None for a missing one


def bones_of(pose: Pose, shape: tuple[int, ...]) -> list[Bones]:
    """The bones of every figure of a pose in a picture (H, W)."""
    return [list(Body(*one, shape).bones()) for one in zip(*pose, strict=True)]


def extent(pose: Pose, shape: tuple[int, ...]) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) of the figures of a pose in a picture (H, W); None without one.

    With their hair and clothes, as far as they are in the picture.
    """
    bones = [bone for figure in bones_of(pose, shape) for bone in figure if bone is not None]
    windows = [bone.window(shape, 1.0) for bone in bones]
    inside = [w for w in windows if all(edge.start < edge.stop for edge in w)]
    if not inside:
        return None
    rows, columns = zip(*inside, strict=True)
    return (
        min(edge.start for edge in columns), min(edge.start for edge in rows),
        max(edge.stop for edge in columns), max(edge.stop for edge in rows),
    )  # fmt: skip


class Body:
    """The joints of one figure, to be made into bones."""

    def __init__(self, points: Floats, scores: Floats, shape: tuple[int, ...]) -> None:
        points = np.asarray(points, float)
        near = (np.abs(points) < FARTHEST).all(axis=-1)  # what is not a number is not
        seen = (np.asarray(scores) > VISIBLE) & near
        self._points, self._seen = reach_beyond(points, seen, shape)
        self.neck = self._middle("left_shoulder", "right_shoulder")
        self.hips = self._middle("left_hip", "right_hip")
        self.unit = self._unit()

    def bones(self) -> Iterator[Bone | None]:
        """Every part in the order in which they are painted; None for a missing one."""
        for first, second, radius in LIMBS:
            yield self._limb(first, second, radius)
        yield None  # a skirt: only a picture tells who wears one, see pose.skirt
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
        margin = TORSO_MARGIN * self.unit
        wide = float(np.hypot(half, TORSO_DEPTH * self.unit)) + margin
        side = float(np.copysign(wide, half))
        return Torso(self.neck, self.hips, side, shoulders=(abs(half) + margin) / wide)

    def _head(self) -> Bone | None:
        """From between the ears, which stay where they are when the head turns, to the neck."""
        if self.neck is None:
            return None
        ears, face = [INDEX["left_ear"], INDEX["right_ear"]], [INDEX[name] for name in FACE_JOINTS]
        for joints in (ears, face):
            seen = [joint for joint in joints if self._seen[joint]]
            if seen:
                middle = self._points[seen].mean(axis=0)
                whole = self._seen[ears + face].all()
                front = self._points[face].mean(axis=0) if whole else None
                return Head(middle, self.neck, HEAD_RADIUS * self.unit, face=front)
        return None

    def _palm(self, side: str, hand: slice) -> Bone | None:
        known = self._between(hand.start + PALM[0], hand.start + PALM[1], PALM_RADIUS)
        forearm = self._limb(f"{side}_elbow", f"{side}_wrist", PALM_RADIUS)
        if known is not None or forearm is None:
            return known
        tip = forearm.end + HAND_LENGTH * (forearm.end - forearm.start)
        return Bone(forearm.end, tip, forearm.side)
