"""Where the parts of a body are, from keypoints."""

from __future__ import annotations

import numpy as np
import pytest

from animate.training.emphasis import BODY_PART, HAND_PART, HEAD_PART, parts_of
from pose.skeleton import COUNT, FACE, INDEX, LEFT_HAND

from .films import figure

SIZE = (100, 150)
POINTS = figure((0.5, 1.5))[None] * SIZE
SCORES = np.ones((1, COUNT))


@pytest.mark.parametrize(
    ("joint", "part"),
    [(INDEX["nose"], HEAD_PART), (LEFT_HAND.start + 10, HAND_PART), (INDEX["left_hip"], BODY_PART)],
)
def test_a_joint_lies_on_its_part(joint: int, part: int) -> None:
    column, row = POINTS[0, joint].astype(int)
    assert parts_of(POINTS, SCORES, SIZE)[row, column] == part


def test_the_corners_are_background() -> None:
    parts = parts_of(POINTS, SCORES, SIZE)
    assert not parts[[0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_a_hand_that_is_not_seen_does_not_count() -> None:
    scores = SCORES.copy()
    scores[:, LEFT_HAND] = 0
    before, after = parts_of(POINTS, SCORES, SIZE), parts_of(POINTS, scores, SIZE)
    assert 0 < (after == HAND_PART).sum() < (before == HAND_PART).sum()


def test_a_head_without_a_face_is_found_by_its_eyes() -> None:
    scores = SCORES.copy()
    scores[:, FACE] = 0
    assert (parts_of(POINTS, scores, SIZE) == HEAD_PART).any()


def test_nobody_is_all_background() -> None:
    assert not parts_of(np.full((1, COUNT, 2), np.nan), np.zeros((1, COUNT)), SIZE).any()
    assert not parts_of(np.empty((0, COUNT, 2)), np.empty((0, COUNT)), SIZE).any()


def test_points_far_outside_do_no_harm() -> None:
    assert parts_of(POINTS * 1e7, SCORES, SIZE).shape == (150, 100)
