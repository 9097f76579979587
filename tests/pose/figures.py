"""A figure to bend, for tests of puppets and of what they wear."""

from __future__ import annotations

import numpy as np

from pose.bones import Pose
from pose.skeleton import COUNT, INDEX, Floats

SIZE = (128, 192)  # width, height
PLACES = {
    "nose": (64, 34), "left_eye": (67, 31), "right_eye": (61, 31),
    "left_ear": (71, 33), "right_ear": (57, 33),
    "left_shoulder": (78, 56), "right_shoulder": (50, 56),
    "left_elbow": (96, 70), "right_elbow": (32, 70),
    "left_wrist": (112, 84), "right_wrist": (16, 84),
    "left_hip": (73, 98), "right_hip": (55, 98),
    "left_knee": (74, 130), "right_knee": (54, 130),
    "left_ankle": (75, 162), "right_ankle": (53, 162),
}  # fmt: skip


def standing_figure() -> Floats:
    """Somebody (133, 2) with arms out and no hands."""
    points = np.full((COUNT, 2), np.nan)
    for name, place in PLACES.items():
        points[INDEX[name]] = place
    return points


def pose(points: Floats) -> Pose:
    """That of one person with these joints, seen where they are known."""
    return points[None], np.isfinite(points).all(axis=-1).astype(float)[None]
