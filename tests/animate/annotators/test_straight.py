"""Straight lines."""

from __future__ import annotations

import cv2
import numpy as np

from animate.annotators.straight import segments, straight_lines


def test_the_sides_of_a_box_are_drawn_white_on_black() -> None:
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[30:90, 40:120] = 220
    made = straight_lines(picture, 0.1)
    assert set(np.unique(made)) == {0, 255}
    rows, columns = np.nonzero(made[..., 0])
    near = np.minimum.reduce(
        [abs(rows - 30), abs(rows - 90), abs(columns - 40), abs(columns - 120)]
    )
    assert near.max() <= 3
    assert len(segments(picture, 0.3)) == 4


def test_short_lines_are_left_out() -> None:
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[50:62, 60:75] = 255
    assert straight_lines(picture, 0.02).any()
    assert not straight_lines(picture, 0.5).any()


def test_large_pictures_keep_their_positions() -> None:
    picture = np.zeros((1200, 1600, 3), np.uint8)
    cv2.rectangle(picture, (400, 300), (1200, 900), (255, 255, 255), -1)
    ends = segments(picture, 0.3)
    assert len(ends) == 4
    assert np.abs(np.sort(ends[:, [0, 2]].ravel()) - np.repeat([400, 1200], 4)).max() < 12


def test_tiny_and_plain_pictures_have_none() -> None:
    assert not straight_lines(np.zeros((1, 2, 3), np.uint8), 0.04).any()
    assert not straight_lines(np.full((50, 50, 3), 9, np.uint8), 0.04).any()
