from __future__ import annotations

import numpy as np
import pytest

from pose.smooth import fill_gaps


def test_gaps_are_interpolated_in_time_and_ends_held() -> None:
    keypoints = np.full((6, 1, 1, 2), np.nan)
    scores = np.zeros((6, 1, 1))
    keypoints[1], keypoints[4] = 10, 40
    scores[1], scores[4] = 0.5, 0.8
    found = np.array([False, True, False, False, True, False])
    times = np.array([0, 1, 2, 2.5, 4, 5.0])
    points, values = fill_gaps(keypoints, scores, found, times)
    assert points[:, 0, 0, 0] == pytest.approx([10, 10, 20, 25, 40, 40])
    assert values[:, 0, 0] == pytest.approx([0.5, 0.5, 0.6, 0.65, 0.8, 0.8])
    assert np.isnan(keypoints[0]).all()


def test_a_keypoint_of_one_neighbour_comes_from_the_nearer_one() -> None:
    keypoints = np.full((4, 1, 1, 2), np.nan)
    scores = np.zeros((4, 1, 1))
    keypoints[0], scores[0] = 5, 0.9  # and missing in frame 3
    found = np.array([True, False, False, True])
    points, values = fill_gaps(keypoints, scores, found, np.arange(4.0))
    assert points[1, 0, 0, 0] == 5
    assert values[1, 0, 0] == 0.9
    assert np.isnan(points[2]).all()
    assert values[2, 0, 0] == 0


def test_nobody_at_all_is_refused() -> None:
    nothing = np.zeros((2, 1, 1, 2))
    with pytest.raises(ValueError, match="at least one frame"):
        fill_gaps(nothing, nothing[..., 0], np.zeros(2, bool), np.arange(2.0))
