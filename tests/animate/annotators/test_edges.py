"""Canny's edges."""

from __future__ import annotations

import numpy as np

from animate.annotators.edges import canny


def test_edges_lie_where_the_picture_changes() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 30:] = 200
    edges = canny(picture)
    assert edges.shape == (40, 60, 3)
    assert set(np.unique(edges)) == {0, 255}
    assert set(np.nonzero(edges)[1]) <= {29, 30, 31}


def test_a_plain_picture_has_no_edges() -> None:
    assert not canny(np.full((40, 60, 3), 255, np.uint8)).any()


def test_thresholds_hide_weak_edges() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 30:] = 40
    assert canny(picture, 20, 60).any()
    assert not canny(picture, 100, 200).any()


def test_a_low_threshold_alone_may_be_above_the_usual_high_one() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 30:] = 255
    assert canny(picture, low=250).any()
