from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose.refine import refine
from pose.skeleton import COUNT, INDEX, LEFT_HAND, RIGHT_HAND, Mark

WRISTS = [INDEX["left_wrist"], INDEX["right_wrist"]]
Arrays = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@pytest.fixture
def swaying(standing: Any) -> Arrays:
    """30 frames of a figure of 100 pixels that sways evenly: keypoints, scores, times."""
    times = np.arange(30) / 25
    points = np.tile(100 * standing[0], (30, 1, 1, 1))
    points[:, 0, LEFT_HAND.start], points[:, 0, RIGHT_HAND.start] = points[0, 0, WRISTS]
    points[..., 0] += 5 * np.sin(2 * np.pi * 0.5 * times)[:, None, None]
    return points, np.full((30, 1, COUNT), 0.9), times


def test_what_is_right_stays_as_it_is(swaying: Arrays) -> None:
    points, scores, marks = refine(*swaying, smooth=0)
    assert np.array_equal(points, swaying[0])
    assert np.array_equal(scores, swaying[1])
    assert not marks.any()


def test_every_repair_is_marked_with_its_own_flag(swaying: Arrays) -> None:
    points, scores, times = swaying
    truth = points.copy()
    points[8, 0, INDEX["left_elbow"]] += 30
    points[12, 0, [11, 12, 13, 14, 15, 16]] = points[12, 0, [12, 11, 14, 13, 16, 15]]
    scores[16, 0, INDEX["nose"]] = np.nan
    points[20, 0, LEFT_HAND], points[20, 0, RIGHT_HAND] = (
        truth[20, 0, RIGHT_HAND],
        truth[20, 0, LEFT_HAND],
    )
    refined, _, marks = refine(points, scores, times, smooth=0)
    assert marks[8, 0, INDEX["left_elbow"]] == Mark.OUTLIER
    assert set(marks[12, 0, 11:17]) == {Mark.SWAPPED}
    assert marks[16, 0, INDEX["nose"]] == Mark.FILLED
    assert set(marks[20, 0, LEFT_HAND.start :]) == {Mark.MOVED}
    body = np.r_[0:17, 23:133]  # the feet, left as they are, do not fit the legs
    assert abs(refined - truth)[:, 0, body].max() < 1


def test_the_input_is_unchanged(swaying: Arrays) -> None:
    points, scores, times = swaying
    points[3, 0, 7], scores[4, 0, 8] = np.inf, np.nan
    before = points.copy(), scores.copy()
    refine(points, scores, times)
    assert np.array_equal(points, before[0])
    assert np.array_equal(scores, before[1], equal_nan=True)


def test_a_person_that_comes_late_and_is_lost_for_long_is_not_invented(swaying: Arrays) -> None:
    points, scores, times = swaying
    scores[:8] = scores[14:28] = 0
    refined, values, marks = refine(points, scores, times)
    gone = [*range(8), *range(14, 28)]
    assert np.isnan(refined[gone]).all()
    assert not values[gone].any()
    assert (marks[gone] == Mark.GAP).all()
    assert not (marks[8:14] & Mark.GAP).any()


def test_nobody_at_all_passes() -> None:
    nobody = np.full((3, 1, COUNT, 2), np.nan)
    points, scores, marks = refine(nobody, nobody[..., 0], np.arange(3.0))
    assert np.isnan(points).all()
    assert not scores.any()
    assert not marks.any()


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_damage_of_any_kind_never_leaks(seed: int) -> None:
    """Bad numbers are gaps, persons are independent, scores tell which positions there are."""
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 50, (1, 2, COUNT, 2)) + rng.normal(0, 2, (15, 2, COUNT, 2)).cumsum(0)
    scores = rng.uniform(0, 1, points.shape[:3])
    for bad in (np.nan, np.inf, -np.inf):
        points[rng.random(points.shape) < 0.03] = bad
        scores[rng.random(scores.shape) < 0.03] = bad
    times = rng.uniform(0.02, 0.2, 15).cumsum()
    refined, values, marks = refine(points, scores, times)
    assert np.array_equal(np.isfinite(refined).all(axis=-1), values > 0)
    assert ((values >= 0) & (values <= 1)).all()
    alone = refine(points[:, 1:], scores[:, 1:], times)
    for both, one in zip((refined, values, marks), alone, strict=True):
        assert both[:, 1:] == pytest.approx(one, nan_ok=True)
