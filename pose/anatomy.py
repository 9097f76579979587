"""What belongs together in a body: sides, parts that are carried by a joint, and its size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose.skeleton import FACE, INDEX, LEFT_HAND, RIGHT_HAND, Floats

Joints = NDArray[np.int64]


def _joints(*names: str) -> Joints:
    return np.array([INDEX[name] for name in names])


def _range(part: slice) -> Joints:
    return np.arange(part.start, part.stop)


@dataclass(frozen=True, eq=False)
class Part:
    """Keypoints that are carried by a body joint: they travel with it whatever their shape does.

    core: those of them that hardly move against each other, and so tell where the part is.
    """

    joints: Joints
    carrier: int
    core: Joints


# The palm is a hand's wrist and its knuckles; the core of the face is the bridge of the nose.
_PALM = np.array([0, 1, 5, 9, 13, 17])
PARTS = (
    Part(_range(LEFT_HAND), INDEX["left_wrist"], LEFT_HAND.start + _PALM),
    Part(_range(RIGHT_HAND), INDEX["right_wrist"], RIGHT_HAND.start + _PALM),
    Part(_range(FACE), INDEX["nose"], FACE.start + np.array([27, 28, 29, 30])),
    Part(
        _joints("left_big_toe", "left_small_toe", "left_heel"),
        INDEX["left_ankle"],
        _joints("left_ankle"),
    ),
    Part(
        _joints("right_big_toe", "right_small_toe", "right_heel"),
        INDEX["right_ankle"],
        _joints("right_ankle"),
    ),
)


@dataclass(frozen=True, eq=False)
class Half:
    """Joints that a tracker confuses together: left (J,) and right (J,), and all that goes along.

    Rows of `mirror` are pairs (left, right), the joints themselves included.
    """

    left: Joints
    right: Joints
    mirror: NDArray[np.int64]


def _half(names: tuple[str, ...], *along: tuple[Joints, Joints]) -> Half:
    left = _joints(*(f"left_{name}" for name in names))
    right = _joints(*(f"right_{name}" for name in names))
    pairs = [(left, right), *along]
    return Half(left, right, np.concatenate([np.stack(pair, axis=1) for pair in pairs]))


HALVES = {
    "arms": _half(("shoulder", "elbow", "wrist"), (_range(LEFT_HAND), _range(RIGHT_HAND))),
    "legs": _half(("hip", "knee", "ankle"), (PARTS[3].joints, PARTS[4].joints)),
    "head": _half(("eye", "ear")),
}

_SHOULDERS = _joints("left_shoulder", "right_shoulder")
_HIPS = _joints("left_hip", "right_hip")
# Torso lengths where there are no hips: shoulders are 0.74 torso lengths apart, and a whole
# figure's box has a diagonal of about 3.3 (Drillis and Contini's segment lengths).
_PER_SHOULDERS, _PER_DIAGONAL = 1.35, 0.3


def body_size(keypoints: Floats) -> Floats:
    """The typical torso length (P,) of persons (F, P, 133, 2) in their pixels; NaN = missing.

    The median over the frames from the middle of the shoulders to the middle of the hips; from
    the shoulders, or all there is, where hips are never known. 0 for a person that is nowhere.
    """
    shoulders, hips = keypoints[:, :, _SHOULDERS], keypoints[:, :, _HIPS]
    torso = np.linalg.norm(shoulders.mean(axis=2) - hips.mean(axis=2), axis=-1)
    width = _PER_SHOULDERS * np.linalg.norm(shoulders[:, :, 0] - shoulders[:, :, 1], axis=-1)
    low = np.where(np.isnan(keypoints), np.inf, keypoints).min(axis=2, initial=np.inf)
    high = np.where(np.isnan(keypoints), -np.inf, keypoints).max(axis=2, initial=-np.inf)
    known = np.isfinite(low) & np.isfinite(high)
    extent = np.subtract(high, low, out=np.full(low.shape, np.nan), where=known)
    whole = _PER_DIAGONAL * np.linalg.norm(extent, axis=-1)
    size = np.zeros(keypoints.shape[1])
    for lengths in (torso, width, whole):
        for person in np.flatnonzero(size == 0):
            some = lengths[np.isfinite(lengths[:, person]), person]
            size[person] = np.median(some) if len(some) else 0.0
    return size
