"""The closed loop on poses with known errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from animate.judge.motion import MotionFigures, compare_motion, find_lag
from pose.anatomy import HALVES
from pose.skeleton import INDEX, LEFT_HAND, RIGHT_HAND

Floats = NDArray[np.float64]

SIZE = (200, 300)


def compare(driving: Floats, result: Floats, size: tuple[int, int] = SIZE) -> MotionFigures:
    known = np.isfinite(result).all(axis=-1)
    return compare_motion(driving, np.isfinite(driving).all(axis=-1), result, known, size)


def exchange(points: Floats, frames: list[int]) -> Floats:
    """The poses with left and right of everything exchanged in some frames."""
    out = points.copy()
    for half in HALVES.values():
        left, right = half.mirror.T
        for frame in frames:
            out[frame, left], out[frame, right] = points[frame, right], points[frame, left]
    return out


def test_the_same_motion_is_all_right(dancer: Floats) -> None:
    figures = compare(dancer, dancer)
    assert (figures.body, figures.found, figures.lag, figures.swapped) == (1, 1, 0, 0)
    assert (figures.left.pck, figures.left.recall, figures.left.frames) == (1, 1, 48)
    assert max(figures.errors.values()) < 1e-6


def test_place_and_scale_of_each_axis_are_forgiven(dancer: Floats) -> None:
    figures = compare(dancer, dancer * [0.5, 0.7] + [30, 40])
    assert (figures.body, figures.right.pck) == (1, 1)
    assert max(figures.errors.values()) < 1e-6


def test_exchanged_frames_are_undone_and_counted(dancer: Floats) -> None:
    figures = compare(dancer, exchange(dancer, [3, 15, 27, 39]) * 0.6 + 10)
    assert (figures.body, figures.swapped) == (1, 4)
    assert max(figures.errors.values()) < 1e-6


def test_a_mirrored_clip_is_undone_as_well(dancer: Floats) -> None:
    assert compare(dancer, exchange(dancer, list(range(48)))).swapped == 48


@pytest.mark.parametrize("lag", [3, -3, 0])
def test_lag_is_found(dancer: Floats, lag: int) -> None:
    assert compare(dancer[6:42], dancer[6 - lag : 42 - lag] * 1.5).lag == lag


def test_a_figure_at_rest_has_no_lag(dancer: Floats) -> None:
    still = np.broadcast_to(dancer[:1], dancer.shape)[:, :17]
    noise = np.random.default_rng(0).normal(0, 1, still.shape)
    assert find_lag(still, still + noise, unit=80.0) == 0


def test_another_dance_is_mostly_wrong(dancer: Floats) -> None:
    other = dancer.copy()
    rng = np.random.default_rng(1)
    paths = np.cumsum(rng.normal(0, 6, (48, 133, 2)), axis=0)
    other[:, :17] += paths[:, :17]
    figures = compare(dancer, other)
    assert figures.body is not None
    assert figures.body < 0.4


def test_wrong_wrists_spoil_the_wrists_alone(dancer: Floats) -> None:
    result = dancer.copy()
    result[:, INDEX["left_wrist"]] += [60, 0]
    figures = compare(dancer, result)
    assert figures.body == pytest.approx(12 / 13)
    assert figures.errors["elbow"] < 1e-6
    assert figures.errors["wrist"] > 0.2


def test_hands_that_are_not_found_cost_recall_and_not_their_joints(dancer: Floats) -> None:
    result = dancer.copy()
    result[:36, LEFT_HAND] = np.nan
    result[:, RIGHT_HAND] = np.nan
    figures = compare(dancer, result)
    assert (figures.left.recall, figures.left.pck) == (0.25, 1)
    assert (figures.right.recall, figures.right.pck) == (0, None)


def test_a_hand_beside_its_place_is_wrong(dancer: Floats) -> None:
    result = dancer.copy()
    result[:, LEFT_HAND] += [0, 30]
    assert compare(dancer, result).left.pck == 0


def test_nobody_found_is_a_figure(dancer: Floats) -> None:
    figures = compare(dancer, np.full_like(dancer, np.nan))
    assert (figures.body, figures.found, figures.left.recall, figures.left.pck) == (0, 0, 0, None)


def test_nobody_asked_for_is_not_measured(dancer: Floats) -> None:
    figures = compare(np.full_like(dancer, np.nan), dancer)
    assert (figures.body, figures.found, figures.left.recall) == (None, None, None)


def test_missing_frames_of_the_result_count_as_wrong(dancer: Floats) -> None:
    result = dancer.copy()
    result[:12] = np.nan
    figures = compare(dancer, result)
    assert (figures.body, figures.found) == (0.75, 0.75)


def test_joints_beyond_the_picture_are_not_asked_for(dancer: Floats) -> None:
    cut = dancer.copy()
    cut[:, [INDEX["left_ankle"], INDEX["right_ankle"]]] = np.nan
    assert compare(dancer, cut, size=(200, 240)).body == 1
    assert compare(dancer, cut, size=(200, 300)).body == pytest.approx(11 / 13)


def test_the_shorter_clip_counts(dancer: Floats) -> None:
    assert compare(dancer, dancer[:20]).frames == 20


@settings(max_examples=25, deadline=None)
@given(
    scale=st.tuples(st.floats(0.4, 2.0), st.floats(0.8, 1.25)),
    shift=st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
    swapped=st.sets(st.integers(0, 47), max_size=12),
)
def test_fit_and_sides_are_found_together(
    dancer: Floats, scale: tuple[float, float], shift: tuple[float, float], swapped: set[int]
) -> None:
    result = dancer * [scale[0], scale[0] * scale[1]] + shift + [60, 60]
    figures = compare(dancer, exchange(result, sorted(swapped)), size=(1000, 1500))
    assert (figures.body, figures.swapped) == (1, len(swapped))
