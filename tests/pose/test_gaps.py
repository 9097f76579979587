from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.gaps import FILLED_TRUST, fill_gaps, steady_scores
from pose.skeleton import COUNT, INDEX, LEFT_HAND, VISIBLE, Mark

ELBOW, WRIST = INDEX["left_elbow"], INDEX["left_wrist"]
Clip = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def clip(frames: int, fps: float = 25.0, people: int = 1) -> Clip:
    """Everybody's joints at (frame, joint), all with score 0.8."""
    points = np.empty((frames, people, COUNT, 2))
    points[..., 0], points[..., 1] = np.arange(frames)[:, None, None], np.arange(COUNT)
    return points, np.full((frames, people, COUNT), 0.8), np.arange(frames) / fps


def lose(points: Any, scores: Any, frames: Any, joints: Any) -> None:
    rows = np.atleast_1d(frames)[:, None]
    points[rows, 0, np.atleast_1d(joints)] = np.nan
    scores[rows, 0, np.atleast_1d(joints)] = 0


def test_a_short_gap_of_one_joint_is_interpolated_in_time_and_marked() -> None:
    points, scores, times = clip(6)
    times = np.array([0, 0.1, 0.2, 0.25, 0.4, 0.5])
    points[1, 0, ELBOW], points[4, 0, ELBOW] = 10, 40
    lose(points, scores, [2, 3], ELBOW)
    filled, values, marks = fill_gaps(points, scores, times)
    assert filled[1:5, 0, ELBOW, 0] == pytest.approx([10, 20, 25, 40])
    lowered = VISIBLE + FILLED_TRUST * (0.8 - VISIBLE)
    assert values[1:5, 0, ELBOW] == pytest.approx([0.8, lowered, lowered, 0.8])
    assert np.argwhere(marks).tolist() == [[2, 0, ELBOW], [3, 0, ELBOW]]
    assert marks[2, 0, ELBOW] == Mark.FILLED
    assert np.isnan(points[2, 0, ELBOW]).all()  # the input is unchanged


def test_a_long_gap_stays_and_is_named() -> None:
    points, scores, times = clip(30)
    lose(points, scores, range(8, 21), ELBOW)  # 0.56 s from frame 7 to 21
    filled, values, marks = fill_gaps(points, scores, times)
    assert np.isnan(filled[8:21, 0, ELBOW]).all()
    assert not values[8:21, 0, ELBOW].any()
    assert np.flatnonzero(marks[:, 0, ELBOW] == Mark.GAP).tolist() == list(range(8, 21))


def test_how_long_is_measured_in_seconds() -> None:
    for fps, long in ((24, True), (60, False)):
        points, scores, times = clip(40, fps)
        lose(points, scores, range(10, 25), ELBOW)
        assert (fill_gaps(points, scores, times)[2][10, 0, ELBOW] == Mark.GAP) == long


def test_ends_are_held_for_a_moment_only() -> None:
    points, scores, times = clip(40)
    lose(points, scores, [0, 1], ELBOW)
    lose(points, scores, range(34, 40), ELBOW)  # 0.24 s
    filled, _, marks = fill_gaps(points, scores, times)
    assert filled[:3, 0, ELBOW, 0].tolist() == [2, 2, 2]
    assert np.isnan(filled[34:, 0, ELBOW]).all()
    assert set(marks[34:, 0, ELBOW]) == {Mark.GAP}


def test_a_joint_that_is_never_seen_is_missing_without_a_mark() -> None:
    points, scores, times = clip(5)
    lose(points, scores, range(5), ELBOW)
    filled, _, marks = fill_gaps(points, scores, times)
    assert np.isnan(filled[:, 0, ELBOW]).all()
    assert not marks.any()


def test_a_lost_hand_travels_with_its_arm() -> None:
    points, scores, times = clip(12)
    path = 100 * np.sin(np.arange(12))  # the arm waves while the hand is lost
    hand = range(LEFT_HAND.start, LEFT_HAND.stop)
    points[:, 0, WRIST] = path[:, None]
    points[:, 0, LEFT_HAND] = path[:, None, None] + np.arange(21)[:, None]
    expected = points.copy()
    lose(points, scores, range(4, 9), hand)
    filled, _, marks = fill_gaps(points, scores, times)
    assert filled == pytest.approx(expected)
    assert (marks[4:9, 0, LEFT_HAND] == Mark.FILLED).all()


def test_a_hand_is_filled_without_an_arm() -> None:
    points, scores, times = clip(5)
    lose(points, scores, range(5), WRIST)
    lose(points, scores, 2, 95)
    assert fill_gaps(points, scores, times)[0][2, 0, 95, 0] == pytest.approx(2)


def test_a_hidden_joint_is_kept_as_the_estimator_gave_it() -> None:
    points, scores, times = clip(9)
    scores[:, 0, ELBOW] = 0.1
    filled, values, marks = fill_gaps(points, scores, times)
    assert np.array_equal(filled, points)
    assert np.array_equal(values, scores)
    assert not marks.any()


def test_persons_are_independent() -> None:
    points, scores, times = clip(6, people=2)
    lose(points, scores, 2, ELBOW)
    both = fill_gaps(points, scores, times)
    turned = fill_gaps(points[:, ::-1], scores[:, ::-1], times)
    for one, other in zip(both, turned, strict=True):
        assert np.array_equal(one, other[:, ::-1], equal_nan=True)


def steady(*scores: float, fps: float = 25.0) -> list[float]:
    values = np.array(scores).reshape(-1, 1, 1)
    out = steady_scores(values, np.arange(len(scores)) / fps)
    assert steady_scores(values[::-1], np.arange(len(scores)) / fps)[::-1] == pytest.approx(out)
    return [round(float(value), 3) for value in out[:, 0, 0]]


def test_a_shown_joint_does_not_blink() -> None:
    assert steady(0.8, 0.8, 0.05, 0.8, 0.8) == [0.8] * 5
    assert steady(0.4, 0.25, 0.31, 0.28, 0.5) == [0.4, 0.355, 0.31, 0.405, 0.5]


def test_a_doubtful_joint_is_shown_through_but_a_hidden_one_is_not() -> None:
    doubtful, hidden = [0.8, *[0.25] * 8, 0.8], [0.8, *[0.1] * 8, 0.8]
    assert min(steady(*doubtful)) > VISIBLE
    assert steady(*hidden) == hidden


def test_a_hidden_joint_does_not_flash_unless_it_is_clear() -> None:
    assert steady(0.1, 0.1, 0.4, 0.1, 0.1) == [0.1, 0.1, VISIBLE, 0.1, 0.1]
    assert steady(0.1, 0.1, 0.9, 0.1, 0.1) == [0.1, 0.1, 0.9, 0.1, 0.1]


def test_missing_joints_and_ends_are_left_alone() -> None:
    for scores in ([0.8, 0.0, 0.8, 0.8], [0.1, 0.8, 0.8], [0.0, 0.4, 0.0], [0.4, 0.1]):
        assert steady(*scores) == scores
    slow = [0.8, 0.1, 0.8]
    assert steady(*slow, fps=5) == slow
