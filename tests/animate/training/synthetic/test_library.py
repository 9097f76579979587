from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animate.training.synthetic import Camera, batch, library_motion, random_person, render
from animate.training.synthetic.frames import pose_skeleton
from animate.training.synthetic.library import _SHARES
from animate.training.synthetic.pose import NAMES

TIMES = np.arange(24) / 24


def test_all_kinds_are_drawn() -> None:
    rng = np.random.default_rng(0)
    assert {library_motion(rng)[1] for _ in range(200)} == set(_SHARES)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), seated=st.booleans())
def test_motions_are_smooth_and_finite(seed: int, seated: bool) -> None:
    rng = np.random.default_rng(seed)
    motion, _ = library_motion(rng, seated)
    poses = motion(TIMES)
    for name in NAMES:
        assert np.isfinite(getattr(poses, name)).all(), name
    points = pose_skeleton(poses, [random_person(rng).build] * len(TIMES)).origin
    assert np.linalg.norm(np.diff(points, axis=0), axis=-1).max() < 0.45  # metres in 1 / 24 s


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_gives_the_same_motion(seed: int) -> None:
    once, again = (library_motion(np.random.default_rng(seed))[0](TIMES) for _ in range(2))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(once, name), getattr(again, name))


def test_who_sits_is_lower() -> None:
    rng = np.random.default_rng(1)
    motion, _ = library_motion(rng, seated=True)
    sitting, standing = motion(TIMES[:1]), batch(yaw=np.zeros(1))
    builds = [random_person(rng).build]
    low, high = (pose_skeleton(p, builds).origin[0, 0, 1] for p in (sitting, standing))
    assert low < high - 0.25


def test_people_stand_on_the_floor_in_every_motion() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        person, (motion, _) = random_person(rng), library_motion(rng)
        skeleton = pose_skeleton(motion(TIMES), [person.build] * len(TIMES))
        assert skeleton.origin[..., 1].min() > -0.12
        assert skeleton.origin[..., 1].min() < 0.30


def test_random_people_are_drawn_with_their_truth() -> None:
    rng = np.random.default_rng(3)
    camera = Camera(width=64, height=96)
    people = [random_person(rng) for _ in range(12)]
    drawn = render(batch(yaw=np.zeros(12)), people, camera)
    for mask, points in zip(drawn.masks, drawn.keypoints, strict=True):
        x, y = np.floor(points[5:17]).astype(int).T
        assert mask[y.clip(0, 95), x.clip(0, 63)].mean() > 0.9
