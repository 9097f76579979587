"""A dancer of 48 frames whose every joint is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.skeleton import COUNT, INDEX, LEFT_HAND, RIGHT_HAND

Floats = NDArray[np.float64]

FRAMES = 48
# Places in a picture of 200x300; the person's left is on the right of the picture.
REST = {
    "nose": (100, 40), "left_eye": (105, 35), "right_eye": (95, 35), "left_ear": (112, 38),
    "right_ear": (88, 38), "left_shoulder": (130, 80), "right_shoulder": (70, 80),
    "left_elbow": (145, 120), "right_elbow": (55, 120), "left_wrist": (150, 160),
    "right_wrist": (50, 160), "left_hip": (118, 160), "right_hip": (82, 160),
    "left_knee": (120, 215), "right_knee": (80, 215), "left_ankle": (122, 270),
    "right_ankle": (78, 270),
}  # fmt: skip


@pytest.fixture(scope="session")
def dancer() -> Floats:
    """(48, 133, 2): arms and legs swing, the body sways; feet and face are missing."""
    time = np.arange(FRAMES) / 24.0
    points = np.full((FRAMES, COUNT, 2), np.nan)
    for name, place in REST.items():
        points[:, INDEX[name]] = place
    sway = 12 * np.sin(3.1 * time)
    points[:, :17, 0] += sway[:, None]
    for side, sign in (("left", 1), ("right", -1)):
        lift = 50 * np.sin(5 * time + sign)
        points[:, INDEX[f"{side}_wrist"]] += np.stack([sign * 0.5 * lift, -lift], axis=1)
        points[:, INDEX[f"{side}_elbow"]] += np.stack([sign * 0.2 * lift, -lift / 2], axis=1)
        points[:, INDEX[f"{side}_knee"], 1] -= 0.3 * lift
    fan = np.stack([np.linspace(-8, 8, 21), np.linspace(0, 20, 21)], axis=1)
    points[:, LEFT_HAND] = points[:, INDEX["left_wrist"], None] + fan
    points[:, RIGHT_HAND] = points[:, INDEX["right_wrist"], None] + fan
    return points
