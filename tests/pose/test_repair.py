from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose.anatomy import HALVES, body_size
from pose.repair import repair
from pose.skeleton import COUNT, FACE, INDEX, LEFT_HAND, VISIBLE, Mark

ELBOW, WRIST = INDEX["left_elbow"], INDEX["left_wrist"]
TORSO = 27.0  # of the figure `standing`, 100 pixels high
FPS = 25.0
Arrays = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@pytest.fixture
def dancer(standing: Any) -> Arrays:
    """60 frames of a figure that sways and waves: keypoints, scores, times."""
    times = np.arange(60) / FPS
    points = np.tile(100 * standing[0], (60, 1, 1, 1))
    points[..., 0] += 8 * np.sin(2 * np.pi * 0.7 * times)[:, None, None]
    wave = 15 * np.sin(2 * np.pi * 1.5 * times)[:, None]
    points[:, 0, [ELBOW, WRIST, *range(91, 112)], 1] += wave * ([0.5] + [1.0] * 22)
    points += np.random.default_rng(0).normal(0, 0.1, points.shape)
    return points, np.full((60, 1, COUNT), 0.9), times


def exchange(points: Any, frames: Any, *halves: str) -> None:
    for half in halves:
        left, right = HALVES[half].mirror.T
        rows = np.array(frames)[:, None]
        points[rows, 0, left], points[rows, 0, right] = (
            points[rows, 0, right],
            points[rows, 0, left],
        )


def test_a_plausible_dance_is_not_touched(dancer: Arrays) -> None:
    points, scores, marks = repair(*dancer)
    assert np.array_equal(points, dancer[0])
    assert np.array_equal(scores, dancer[1])
    assert not marks.any()


@pytest.mark.parametrize("frames", [[20], [20, 21], [30, 31]])
def test_a_joint_that_jumps_and_returns_is_replaced(dancer: Arrays, frames: list[int]) -> None:
    points, scores, times = dancer
    broken = points.copy()
    broken[frames, 0, WRIST] += 0.8 * TORSO
    repaired, values, marks = repair(broken, scores, times)
    assert [tuple(row) for row in np.argwhere(marks)] == [(f, 0, WRIST) for f in frames]
    assert set(marks[frames, 0, WRIST]) == {Mark.OUTLIER}
    assert abs(repaired - points).max() < 0.2 * TORSO
    assert (values[frames, 0, WRIST] < 0.9).all()
    assert (values[frames, 0, WRIST] > VISIBLE).all()


def test_a_face_that_jumps_is_replaced_as_one(dancer: Arrays) -> None:
    points, scores, times = dancer
    points[20, 0, FACE] += 0.4 * TORSO
    points[20, 0, FACE.start : FACE.start + 20] -= 0.35 * TORSO  # too little to be found alone
    marks = repair(points, scores, times)[2]
    assert (marks[20, 0, FACE] == Mark.OUTLIER).all()
    assert np.count_nonzero(marks) == 68


def test_a_fast_stroke_and_its_turn_survive(dancer: Arrays) -> None:
    points, scores, times = dancer
    part = (np.abs(times - 1.0) / 0.2).clip(0, 1)  # out by 1.5 torso lengths and back in 0.4 s
    stroke = 1.5 * TORSO * (1 - 10 * part**3 + 15 * part**4 - 6 * part**5)
    points[:, 0, [WRIST, *range(91, 112)], 0] += stroke[:, None]
    points[30:, 0, ELBOW, 0] += TORSO  # goes and stays: no jump, whatever it is
    assert not repair(points, scores, times)[2].any()


def test_a_sudden_reversal_survives(dancer: Arrays) -> None:
    points, scores, times = dancer
    points[:, 0, WRIST, 0] -= 8 * TORSO * abs(times - times[30])  # 0.3 torso lengths a frame
    assert not repair(points, scores, times)[2].any()


def test_a_joint_that_always_trembles_has_no_outliers(dancer: Arrays) -> None:
    points, scores, times = dancer
    points[:, 0, WRIST] += np.random.default_rng(1).normal(0, 0.15 * TORSO, (60, 2))
    assert not repair(points, scores, times)[2].any()


def test_where_a_hidden_joint_jumps_matters_to_nobody(dancer: Arrays) -> None:
    points, scores, times = dancer
    points[20, 0, WRIST] += TORSO
    scores[:, 0, WRIST] = 0.1
    assert not repair(points, scores, times)[2].any()


@pytest.mark.parametrize("halves", [("arms",), ("legs",), ("arms", "legs", "head")])
@pytest.mark.parametrize("frames", [[1], [20], [20, 21, 22], list(range(30, 50)), [57, 58, 59]])
def test_exchanged_sides_are_put_right(
    dancer: Arrays, halves: tuple[str, ...], frames: list[int]
) -> None:
    points, scores, times = dancer
    broken = points.copy()
    exchange(broken, frames, *halves)
    repaired, _, marks = repair(broken, scores, times)
    assert np.array_equal(repaired, points)
    joints = np.concatenate([HALVES[half].mirror.ravel() for half in halves])
    expected = np.zeros_like(marks)
    expected[np.ix_(frames, [0], joints)] = Mark.SWAPPED
    assert np.array_equal(marks, expected)


def test_frames_at_one_time_do_not_end_the_repair(dancer: Arrays) -> None:
    points, scores, times = dancer
    broken, still = points.copy(), times.copy()
    exchange(broken, [10, 40, 41], "arms")
    still[20:23] = times[20]
    repaired, _, marks = repair(broken, scores, still)
    swapped = np.flatnonzero((marks & Mark.SWAPPED).any(axis=(1, 2)))
    assert swapped.tolist() == [10, 40, 41]
    assert np.array_equal(repaired[[10, 40, 41]], points[[10, 40, 41]])


def test_hands_go_with_the_arms_and_scores_with_positions(dancer: Arrays) -> None:
    points, scores, times = dancer
    scores[:, 0, LEFT_HAND] = 0.5
    broken, values = points.copy(), scores.copy()
    exchange(broken, [20], "arms")
    exchange(values, [20], "arms")
    repaired, restored, _ = repair(broken, values, times)
    assert np.array_equal(repaired, points)
    assert np.array_equal(restored, scores)


def test_fewer_frames_are_exchanged_when_both_would_do(dancer: Arrays) -> None:
    points, scores, times = dancer
    exchange(points, range(60), "arms", "legs", "head")
    assert not repair(points, scores, times)[2].any()
    exchange(points, range(20), "arms")  # so that 40 frames are wrong, and 20 are right
    marks = repair(points, scores, times)[2]
    assert np.flatnonzero((marks == Mark.SWAPPED).any(axis=(1, 2))).tolist() == list(range(20))


def test_sides_that_lie_on_each_other_or_are_hidden_are_left_alone(dancer: Arrays) -> None:
    points, scores, times = dancer
    rng = np.random.default_rng(2)
    left, right = HALVES["legs"].mirror.T
    points[:, 0, left] = points[:, 0, right] + rng.normal(0, 0.02 * TORSO, (60, len(left), 2))
    assert not repair(points, scores, times)[2].any()
    points[:, 0, left] += TORSO
    scores[:, 0, [*left, *right]] = 0.05
    exchange(points, [20], "legs")
    assert not repair(points, scores, times)[2].any()


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
def test_who_turns_round_keeps_the_sides(dancer: Arrays, seconds: float) -> None:
    points, scores, times = dancer
    middle = points[:, :, :, 0].mean(axis=2, keepdims=True)
    turn = np.cos(np.pi * ((times - 0.3) / seconds).clip(0, 2))[:, None, None]
    points[..., 0] = middle + (points[..., 0] - middle) * turn
    assert not repair(points, scores, times)[2].any()


def test_arms_that_cross_keep_their_sides(dancer: Arrays) -> None:
    points, scores, times = dancer
    cross = 0.8 * TORSO * np.sin(2 * np.pi * 1.0 * times)[:, None]
    points[:, 0, [WRIST, *range(91, 112)], 0] -= cross
    points[:, 0, [INDEX["right_wrist"], *range(112, 133)], 0] += cross
    assert not repair(points, scores, times)[2].any()


def test_the_input_is_unchanged_and_persons_are_independent(dancer: Arrays) -> None:
    points, scores, times = (np.concatenate([a, a], axis=1) if a.ndim > 1 else a for a in dancer)
    exchange(points, [20], "arms")  # of the first person
    points[40, 1, WRIST] += TORSO
    before = points.copy(), scores.copy()
    one = repair(points, scores, times)
    assert np.array_equal(points, before[0])
    assert np.array_equal(scores, before[1])
    other = repair(points[:, ::-1], scores[:, ::-1], times)
    for left, right in zip(one, other, strict=True):
        assert np.array_equal(left, right[:, ::-1])
    assert set(one[2][:, 0].ravel()) == {0, Mark.SWAPPED}
    assert set(one[2][:, 1].ravel()) == {0, Mark.OUTLIER}


def test_few_frames_and_nobody_pass(dancer: Arrays) -> None:
    points, scores, times = dancer
    for frames in (1, 2, 3):
        assert not repair(points[:frames], scores[:frames], times[:frames])[2].any()
    nobody = np.full((4, 1, COUNT, 2), np.nan)
    assert not repair(nobody, np.zeros((4, 1, COUNT)), times[:4])[2].any()


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 100), shift=st.floats(-1e3, 1e3))
def test_repair_commutes_with_moving_scaling_and_reversal(
    seed: int, scale: float, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 50, (1, 1, COUNT, 2)) + rng.normal(0, 1, (25, 1, COUNT, 2))
    scores, times = rng.uniform(0.4, 1, points.shape[:3]), rng.uniform(0.02, 0.05, 25).cumsum()
    points[rng.random(scores.shape) < 0.02] += 40
    exchange(points, rng.integers(2, 23, 3), "arms")
    repaired, _, marks = repair(points, scores, times)
    size = float(body_size(points).max())
    moved = repair(scale * points + shift, scores, times)
    assert (moved[0] - shift) / scale == pytest.approx(repaired, abs=1e-6 * size)
    turned = repair(points[::-1], scores[::-1], times[-1] - times[::-1])
    assert turned[0][::-1] == pytest.approx(repaired, abs=1e-6 * size)
    assert np.array_equal(turned[2][::-1], marks)
    changed = (repaired != points).any(axis=-1)
    assert (changed <= (marks > 0)).all()
