"""Whole-body poses: the sequence type, the keypoint order, and the way to OpenPose's order.

The order of this package is COCO-WholeBody with 133 keypoints (Jin et al., ECCV 2020,
github.com/jin-s13/COCO-WholeBody): 17 body, 6 feet, 68 face (iBUG order), 21 left hand,
21 right hand. Left and right are the person's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Frame = NDArray[np.uint8]  # (H, W, 3) RGB

COUNT = 133
BODY = slice(0, 17)
FEET = slice(17, 23)
FACE = slice(23, 91)
LEFT_HAND = slice(91, 112)
RIGHT_HAND = slice(112, 133)

BODY_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_big_toe", "left_small_toe", "left_heel",
    "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip
INDEX = {name: index for index, name in enumerate(BODY_NAMES)}

# OpenPose's order as DWPose arranges it: 18 body joints with a neck, then feet, face and hands
# as they are. Entry i is the COCO-WholeBody index of OpenPose joint i; -1 marks the neck.
OPENPOSE_COUNT = 134
OPENPOSE_NECK = 1
_OPENPOSE_BODY = (0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
OPENPOSE_FROM_COCO = np.array([*_OPENPOSE_BODY, *range(17, COUNT)])
COCO_FROM_OPENPOSE = np.array(
    [int(np.flatnonzero(index == OPENPOSE_FROM_COCO)[0]) for index in range(COUNT)]
)
OPENPOSE_BODY = slice(0, 18)
OPENPOSE_FEET = slice(18, 24)
OPENPOSE_FACE = slice(24, 92)
OPENPOSE_LEFT_HAND = slice(92, 113)
OPENPOSE_RIGHT_HAND = slice(113, 134)

VISIBLE = 0.3  # score above which DWPose, and so the official drawings, count a joint as seen


def clean(keypoints: Any, scores: Any) -> tuple[Floats, Floats]:
    """Float64 copies in which whatever is not finite is missing: position NaN, score 0.

    keypoints (..., K, 2); scores (..., K). A keypoint with one bad coordinate is missing.
    """
    points = np.array(keypoints, dtype=np.float64)
    values = np.array(scores, dtype=np.float64)
    if points.shape[-1:] != (2,) or points.shape[:-1] != values.shape:
        raise ValueError(
            f"expected keypoints (..., K, 2) with scores (..., K), got {points.shape} "
            f"and {values.shape}"
        )
    missing = ~(np.isfinite(points).all(axis=-1) & np.isfinite(values))
    points[missing] = np.nan
    values[missing] = 0.0
    return points, values


def insert_neck(keypoints: Any, scores: Any) -> tuple[Floats, Floats]:
    """The 133 COCO-WholeBody keypoints in OpenPose's order with a neck: 134.

    keypoints (..., 133, 2) -> (..., 134, 2); scores (..., 133) -> (..., 134). DWPose's rule: the
    neck is the middle of the shoulders, with score 1 if both are visible and 0 otherwise.
    """
    points, values = np.asarray(keypoints, float), np.asarray(scores, float)
    shoulders = [INDEX["left_shoulder"], INDEX["right_shoulder"]]
    out_points = points[..., OPENPOSE_FROM_COCO, :]
    out_values = values[..., OPENPOSE_FROM_COCO]
    out_points[..., OPENPOSE_NECK, :] = points[..., shoulders, :].mean(axis=-2)
    out_values[..., OPENPOSE_NECK] = (values[..., shoulders] > VISIBLE).all(axis=-1)
    return out_points, out_values


def remove_neck(keypoints: Any, scores: Any) -> tuple[Floats, Floats]:
    """The inverse of insert_neck: (..., 134, 2) and (..., 134) back to 133 keypoints."""
    points, values = np.asarray(keypoints, float), np.asarray(scores, float)
    return points[..., COCO_FROM_OPENPOSE, :], values[..., COCO_FROM_OPENPOSE]


class Mark(IntFlag):
    """What was done to a keypoint after the estimator had seen it, or had not."""

    SEEN = 0
    FILLED = 1  # a short gap: the position comes from the frames around it
    OUTLIER = 2  # it jumped for a moment: replaced from the frames around it
    SWAPPED = 4  # left and right were exchanged
    MOVED = 8  # a hand was given to the other arm
    GAP = 16  # a long gap: missing, and left so


def _nothing() -> NDArray[Any]:
    return np.empty(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseSequence:
    """The poses of P persons in F frames.

    keypoints (F, P, 133, 2) are pixels of a picture of `size`, NaN where missing; scores
    (F, P, 133) are in [0, 1], 0 where missing. Raises ValueError if the shapes disagree.
    """

    keypoints: Floats
    scores: Floats
    size: tuple[int, int]  # width, height in pixels
    fps: float = 0.0  # frames per second; 0 for a still picture
    times: Floats = field(default_factory=_nothing)  # (F,) seconds; default: by fps
    marks: NDArray[np.uint8] = field(default_factory=_nothing)  # (F, P, 133) of Mark; default: SEEN
    crowd: NDArray[np.int64] = field(default_factory=_nothing)  # (F,) persons the estimator saw
    ids: tuple[int, ...] = ()  # (P,) each person's number, 1 = the most prominent of the video
    backend: str = ""
    backend_version: str = ""
    source: str = ""  # name of the file the poses come from
    source_hash: str = ""  # SHA-256 of its bytes

    def __post_init__(self) -> None:
        points, values = clean(self.keypoints, self.scores)
        if points.ndim != 4 or points.shape[2] != COUNT:
            raise ValueError(f"expected keypoints (F, P, {COUNT}, 2), got {points.shape}")
        frames, people = points.shape[:2]
        seen = (values > 0).any(axis=-1).sum(axis=1)
        defaults = {
            "times": np.arange(frames) / (self.fps or 1.0),
            "marks": np.zeros(values.shape, np.uint8),
            "crowd": seen.astype(np.int64),
        }
        for name, default in defaults.items():
            given = np.array(getattr(self, name), dtype=default.dtype)
            if given.size and given.shape != default.shape:
                raise ValueError(f"expected {name} {default.shape}, got {given.shape}")
            object.__setattr__(self, name, given if given.size else default)
        ids = tuple(int(number) for number in self.ids) or tuple(range(1, people + 1))
        if len(ids) != people:
            raise ValueError(f"expected {people} ids, got {len(ids)}")
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "keypoints", points)
        object.__setattr__(self, "scores", values.clip(0.0, 1.0))

    @classmethod
    def empty(cls, size: tuple[int, int], frames: int = 1) -> PoseSequence:
        """A sequence in which nobody is seen, for a picture of `size` (width, height)."""
        nobody = np.empty((frames, 0, COUNT, 2))
        return cls(keypoints=nobody, scores=nobody[..., 0], size=size)

    def __len__(self) -> int:
        return int(self.keypoints.shape[0])

    @property
    def people(self) -> int:
        """How many persons the sequence has room for."""
        return int(self.keypoints.shape[1])

    @property
    def filled(self) -> tuple[int, ...]:
        """Frames in which nobody was seen and every pose comes from the frames around."""
        known = self.scores > 0
        seen = known & ((self.marks & Mark.FILLED) == 0)
        frames = known.any(axis=(1, 2)) & ~seen.any(axis=(1, 2))
        return tuple(int(frame) for frame in np.flatnonzero(frames))

    @property
    def empty_frames(self) -> tuple[int, ...]:
        """Frames in which nobody is shown: long gaps are not filled."""
        return tuple(int(frame) for frame in np.flatnonzero(~(self.scores > 0).any(axis=(1, 2))))

    def frame(self, index: int) -> tuple[Floats, Floats]:
        """Keypoints (P, 133, 2) and scores (P, 133) of one frame."""
        return self.keypoints[index], self.scores[index]

    def persons(self, slots: Sequence[int]) -> PoseSequence:
        """The sequence with only these of its persons, given by their place in it."""
        chosen = list(slots)
        return replace(
            self,
            keypoints=self.keypoints[:, chosen],
            scores=self.scores[:, chosen],
            marks=self.marks[:, chosen],
            ids=tuple(self.ids[slot] for slot in chosen),
        )

    def take(self, frames: Any, fps: float) -> PoseSequence:
        """The sequence with only these of its frames, in this order, at this rate."""
        chosen = np.asarray(frames, dtype=np.int64)
        return replace(
            self,
            keypoints=self.keypoints[chosen],
            scores=self.scores[chosen],
            marks=self.marks[chosen],
            crowd=self.crowd[chosen],
            times=self.times[chosen],
            fps=fps,
        )
