from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animate.training.synthetic import Build, Camera, random_motion
from animate.training.synthetic.dance import BEAT, BEATS, dance
from animate.training.synthetic.frames import pose_skeleton
from animate.training.synthetic.keypoints import keypoints
from animate.training.synthetic.motion import blend_keys
from animate.training.synthetic.pose import NAMES


@given(st.integers(0, 2**32 - 1), st.floats(0, 500))
@settings(max_examples=60, deadline=None)
def test_random_motions_are_finite_and_smooth(seed: int, start: float) -> None:
    poses = random_motion(np.random.default_rng(seed))(start + np.arange(6) / 48)
    assert all(np.isfinite(getattr(poses, name)).all() for name in NAMES)
    points = keypoints(pose_skeleton(poses, [Build()] * 6), poses)
    assert np.isfinite(points).all()
    assert np.abs(np.diff(points[:, :23], axis=0)).max() < 0.20  # metres in 1/48 s


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_random_motions_stay_in_range(seed: int) -> None:
    poses = random_motion(np.random.default_rng(seed))(np.linspace(0, 20, 50))
    assert np.abs(poses.yaw).max() <= 0.75
    for name in ("curl", "thumb", "mouth", "blink"):
        assert getattr(poses, name).min() >= 0
        assert getattr(poses, name).max() <= 1


def test_a_time_gives_the_same_pose_alone_and_in_a_batch() -> None:
    motion = random_motion(np.random.default_rng(2))
    times = np.linspace(0, 5, 7)
    together, alone = motion(times), motion(times[3:4])
    for name in NAMES:
        np.testing.assert_allclose(getattr(together, name)[3], getattr(alone, name)[0])


def test_keys_are_met_and_repeat() -> None:
    values, starts = np.array([[0.0], [1.0], [4.0]]), np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(blend_keys(values, starts, starts), values)
    np.testing.assert_allclose(blend_keys(values, starts, starts + 1.5), values)


def test_hands_of_the_dance_stay_in_the_picture() -> None:
    poses = dance(np.arange(0, BEATS * BEAT, 1 / 24))
    points = keypoints(pose_skeleton(poses, [Build(hands=1.16)] * len(poses.yaw)), poses)
    pixels = Camera(width=576, height=864, fill=0.80, centre=(0.0, 0.98)).project(points[:, 91:])
    assert pixels.min() > 20
    assert pixels[..., 0].max() < 576 - 20


@pytest.mark.parametrize("joint", [9, 10])
def test_the_dance_moves_both_hands(joint: int) -> None:
    poses = dance(np.arange(0, BEATS * BEAT, 1 / 12))
    points = keypoints(pose_skeleton(poses, [Build()] * len(poses.yaw)), poses)
    assert np.ptp(points[:, joint], axis=0)[1] > 0.4
