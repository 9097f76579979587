"""Ground truth: the 133 COCO-WholeBody keypoints of posed bodies.

Order: 17 body, 6 feet, 68 face (iBUG), 21 left hand, 21 right hand; left and right are the
person's own (Jin et al., "Whole-Body Human Pose Estimation in the Wild", 2020).
"""

from __future__ import annotations

import numpy as np

from .face import face_points
from .frames import Skeleton
from .hand import SEGMENT_LENGTHS
from .linalg import Array
from .pose import Pose

COUNT = 133
BODY, FEET, FACE, LEFT_HAND, RIGHT_HAND = (
    slice(0, 17), slice(17, 23), slice(23, 91), slice(91, 112), slice(112, 133),
)  # fmt: skip
# Head coordinates, metres of a head of size 1.
NOSE, EYE, EAR = (0.0, -0.030, 0.103), (0.031, 0.004, 0.074), (0.080, -0.004, -0.006)
# Foot coordinates, metres; x counts outward.
BIG_TOE, SMALL_TOE, HEEL = (-0.022, -0.040, 0.150), (0.028, -0.042, 0.125), (0.0, -0.040, -0.060)
# How far below the surface a joint may lie and still be seen, metres of the standard build.
# Half the thickness of the limb there, and some more for the slope of its side.
SLACK = np.concatenate([
    [0.035, 0.035, 0.035, 0.06, 0.06], np.repeat([0.10, 0.075, 0.055, 0.17, 0.11, 0.085], 2),
    np.full(6, 0.07), np.full(68, 0.035), np.tile([0.055, *[0.030] * 20], 2),
])  # fmt: skip
JOINT_FRAMES = ("upper", "fore", "hand", "thigh", "shin", "foot")  # shoulder to ankle


def keypoints(skeleton: Skeleton, poses: Pose) -> Array:
    """World positions (N, 133, 3) in metres."""
    height = skeleton.build["height"]
    points = np.zeros((len(height), COUNT, 3))
    size = (skeleton.build["head"] * height)[:, None]
    points[:, 0] = skeleton.point("head", np.array(NOSE) * size)
    for side, sign in ((0, 1.0), (1, -1.0)):
        mirror = np.array([sign, 1.0, 1.0])
        points[:, 1 + side] = skeleton.point("head", np.array(EYE) * mirror * size)
        points[:, 3 + side] = skeleton.point("head", np.array(EAR) * mirror * size)
        name = "LR"[side]
        for i, frame in enumerate(JOINT_FRAMES):
            points[:, 5 + 2 * i + side] = skeleton.point(f"{frame}{name}", (0.0, 0.0, 0.0))
        for i, toe in enumerate((BIG_TOE, SMALL_TOE, HEEL)):
            local = np.array(toe) * mirror * height[:, None]
            points[:, FEET.start + 3 * side + i] = skeleton.point(f"foot{name}", local)
        start = (LEFT_HAND, RIGHT_HAND)[side].start
        points[:, start : start + 21] = hand_joints(skeleton, name)
    local = face_points(poses.mouth, poses.blink) * size[..., None]
    for i in range(68):
        points[:, FACE.start + i] = skeleton.point("head", local[:, i])
    return points


def hand_joints(skeleton: Skeleton, side: str) -> Array:
    """Wrist, then thumb to little finger from the root to the tip, (N, 21, 3)."""
    size = skeleton.build["hands"] * skeleton.build["height"]
    joints = [skeleton.point(f"hand{side}", (0.0, 0.0, 0.0))]
    for digit in range(5):
        for i in range(3 * digit, 3 * digit + 3):
            joints.append(skeleton.point(f"finger{i}{side}", (0.0, 0.0, 0.0)))
        tip = np.zeros((len(size), 3))
        tip[:, 1] = SEGMENT_LENGTHS[3 * digit + 2] * size
        joints.append(skeleton.point(f"finger{3 * digit + 2}{side}", tip))
    return np.stack(joints, 1)


def visible(pixels: Array, depth: Array, surface: Array, build: dict[str, Array]) -> Array:
    """Which keypoints are seen, (N, 133) bool, by a depth test.

    pixels (N, 133, 2); depth (N, 133) of the keypoints and surface (N, H, W) of the picture in
    metres along the view. A point is seen if it is inside the picture and no surface lies before
    it by more than the body is thick there; where the picture shows nothing (a finger thinner
    than a pixel), it is.
    """
    height, width = surface.shape[1:]
    x, y = np.floor(pixels).astype(np.int64).transpose(2, 0, 1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    frame = np.arange(len(surface))[:, None]
    before = depth - surface[frame, y.clip(0, height - 1), x.clip(0, width - 1)]
    slack = SLACK * (build["height"] * np.maximum(build["girth"], 1.0))[:, None]
    return np.asarray(inside & (before < slack))
