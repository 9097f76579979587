from __future__ import annotations

import numpy as np
import pytest

from pose.likeness import (
    SIGMAS,
    boxes_of,
    nearness,
    overlap,
    similarity,
    size_fit,
    size_of,
)
from pose.skeleton import BODY, COUNT, LEFT_HAND

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(0, 100, (COUNT, 2))
SCORES = np.full(COUNT, 0.9)


def test_boxes_hold_the_visible_joints() -> None:
    scores = np.zeros(COUNT)
    scores[:3] = 0.9, 0.9, 0.1  # the third is not visible
    points = np.full((COUNT, 2), np.nan)
    points[:3] = [10, 20], [30, 5], [500, 500]
    assert boxes_of(points, scores).tolist() == [10, 5, 30, 20]
    assert boxes_of(points, np.minimum(scores, 0.1)).tolist() == [10, 5, 500, 500]
    assert np.isnan(boxes_of(points, np.zeros(COUNT))).all()


def test_boxes_of_many_at_once() -> None:
    boxes = boxes_of(np.stack([[POINTS, POINTS + 5]] * 3), np.stack([[SCORES] * 2] * 3))
    assert boxes.shape == (3, 2, 4)
    assert boxes[0, 1] == pytest.approx(boxes[0, 0] + 5)


def test_overlap_is_intersection_over_union() -> None:
    box = np.array([0.0, 0, 10, 10])
    assert overlap(box, box) == 1
    assert overlap(box, box + np.array([5, 0, 5, 0])) == pytest.approx(1 / 3)
    assert overlap(box, box + 20) == 0
    assert overlap(np.zeros(4), np.zeros(4)) == 0


def test_size_is_the_side_of_the_square_of_the_same_area() -> None:
    assert size_of(np.array([[0.0, 0, 4, 9], [5, 5, 5, 5]])).tolist() == [6, 1]


def test_similarity_is_that_of_coco() -> None:
    assert similarity(POINTS, SCORES, POINTS, SCORES, 100) == 1
    wanted = np.exp(-(5**2) / (2 * 100**2 * (2 * SIGMAS) ** 2)).mean()
    moved = POINTS + np.array([3, 4])
    assert similarity(POINTS, SCORES, moved, SCORES, 100) == pytest.approx(wanted)


def test_too_few_shared_joints_tell_nothing() -> None:
    upper, lower = SCORES.copy(), SCORES.copy()
    upper[9:], lower[:7] = 0, 0
    assert similarity(POINTS, upper, POINTS, lower, 100) == 0


def test_nearness_grows_with_the_reach() -> None:
    moved = POINTS + np.array([3, 4])
    assert nearness(POINTS, SCORES, moved, SCORES, 5) == pytest.approx(np.exp(-0.5))
    assert nearness(POINTS, SCORES, moved, SCORES, 50) > 0.99


def test_hands_are_compared_where_no_body_is_seen() -> None:
    hand = np.zeros(COUNT)
    hand[LEFT_HAND] = 0.9
    points = np.where(hand[:, None] > 0, POINTS, np.nan)
    assert nearness(points, hand, points, hand, 5) == 1
    body = np.zeros(COUNT)
    body[BODY] = 0.9
    assert nearness(points, hand, POINTS, body, 5) == 0


def test_sizes_that_differ_fit_less() -> None:
    assert size_fit(80, 80) == 1
    assert size_fit(80, 40) == pytest.approx(size_fit(40, 80))
    assert size_fit(80, 20) < size_fit(80, 60) < 1
