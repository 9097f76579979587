from __future__ import annotations

import numpy as np
import pytest

from animate.training.synthetic import REST, Build, batch, random_motion, stack
from animate.training.synthetic.frames import FOREARM, FRAMES, UPPER_ARM, pose_skeleton
from animate.training.synthetic.keypoints import keypoints

# Pairs of COCO joints whose distance is a bone: arms, legs.
BONES = [(5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16)]
TIMES = np.linspace(0, 9, 40)


@pytest.mark.parametrize("seed", range(4))
def test_limbs_keep_their_lengths_in_motion(seed: int) -> None:
    poses = random_motion(np.random.default_rng(seed))(TIMES)
    points = keypoints(pose_skeleton(poses, [Build(height=0.95)] * len(TIMES)), poses)
    for a, b in BONES:
        lengths = np.linalg.norm(points[:, a] - points[:, b], axis=-1)
        np.testing.assert_allclose(lengths, lengths[0], rtol=1e-9)


def test_fingers_keep_their_lengths_when_they_curl() -> None:
    curl = np.linspace(0, 1, 5)[:, None, None] * np.ones((5, 2, 4))
    poses = batch(curl=curl, thumb=np.linspace(0, 1, 5)[:, None] * np.ones((5, 2)))
    points = keypoints(pose_skeleton(poses, [Build()] * 5), poses)[:, 91:]
    for digit in range(5):
        for joint in range(4 * digit + 1, 4 * digit + 4):
            lengths = np.linalg.norm(points[:, joint + 1] - points[:, joint], axis=-1)
            np.testing.assert_allclose(lengths, lengths[0], rtol=1e-9)


def test_all_frames_are_rotations() -> None:
    poses = random_motion(np.random.default_rng(5))(TIMES)
    axes = pose_skeleton(poses, [Build()] * len(TIMES)).axes
    identity = np.broadcast_to(np.eye(3), axes.shape)
    np.testing.assert_allclose(np.swapaxes(axes, -1, -2) @ axes, identity, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(axes), 1, atol=1e-9)


def test_arms_turn_with_the_torso() -> None:
    turned = batch(yaw=np.array([0.0, 0.6]), ankle=np.stack([REST.ankle] * 2))
    skeleton = pose_skeleton(turned, [Build()] * 2)
    for frame in ("chest", "upperL", "foreR", "handL", "thighR"):
        straight, round_ = skeleton.axes[:, FRAMES[frame]]
        angle = np.arccos((np.trace(straight.T @ round_) - 1) / 2)
        assert angle == pytest.approx(0.6, abs=1e-6)


def test_mirrored_parameters_give_a_mirrored_body() -> None:
    poses = stack([REST])
    points = keypoints(pose_skeleton(poses, [Build()]), poses)[0]
    flip = np.array([-1.0, 1.0, 1.0])
    np.testing.assert_allclose(points[5:17:2], points[6:17:2] * flip, atol=1e-12)
    np.testing.assert_allclose(points[91:112], points[112:133] * flip, atol=1e-12)


def test_arm_length_follows_the_build() -> None:
    poses = stack([REST])
    skeleton = pose_skeleton(poses, [Build(arms=1.1, height=0.9)])
    arm = skeleton.point("foreL", (0, 0, 0)) - skeleton.point("upperL", (0, 0, 0))
    assert np.linalg.norm(arm) == pytest.approx(UPPER_ARM * 1.1 * 0.9)
    assert FOREARM < UPPER_ARM
