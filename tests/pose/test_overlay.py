"""Skeletons over the film."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pose.overlay import EMPTY, FILLED, overlay
from pose.skeleton import Mark, PoseSequence


@pytest.fixture
def seq(standing: Any) -> PoseSequence:
    points, scores = standing
    return PoseSequence(
        keypoints=np.tile(points * [120, 200], (3, 1, 1, 1)),
        scores=np.stack([scores, scores, scores * 0])[:, None],
        marks=np.stack([scores * 0, scores * 0 + Mark.FILLED, scores * 0])[:, None].astype("u1"),
        size=(120, 200),
    )


GREY = np.full((200, 120, 3), 100, np.uint8)


def test_the_film_shows_through_darker(seq: PoseSequence) -> None:
    shown = overlay(GREY, seq, 0)
    assert shown.shape == GREY.shape
    assert (shown[-1] == 55).all()
    assert shown.max() > 200


def test_a_frame_without_a_measured_pose_has_a_border(seq: PoseSequence) -> None:
    assert overlay(GREY, seq, 0)[0, 0].tolist() == [55, 55, 55]
    assert tuple(overlay(GREY, seq, 1)[0, 0]) == FILLED
    assert tuple(overlay(GREY, seq, 2)[0, 0]) == EMPTY


def test_poses_follow_a_film_of_another_size(seq: PoseSequence) -> None:
    large = overlay(np.zeros((400, 240, 3), np.uint8), seq, 0)
    rows, columns = np.nonzero(large.any(axis=-1))
    assert rows.max() > 350
    assert columns.max() > 150


def test_each_person_has_its_number(seq: PoseSequence) -> None:
    one, two = overlay(GREY, seq, 0), overlay(GREY, replace(seq, ids=(2,)), 0)
    differs = (one != two).any(axis=-1)
    assert differs.any()
    assert np.nonzero(differs)[0].max() < 60  # above the head only
