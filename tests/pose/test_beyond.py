"""Joints of bodies that a picture cuts off."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pose.beyond import reach_beyond
from pose.puppet import Puppet
from pose.skeleton import INDEX, Floats
from tests.pose.figures import SIZE, pose, standing_figure

LOWER = [INDEX[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")
         for side in ("left", "right")]  # fmt: skip
TORSO = 42  # pixels


def cut_off(first: int, row: int) -> Floats:
    """What is found of the figure above a row without the joints of LOWER from the first on."""
    points = standing_figure()
    points[LOWER[first:]] = np.nan
    seen = np.isfinite(points).all(axis=-1)
    found, known = reach_beyond(points, seen, (row, SIZE[0]))
    assert np.array_equal(known, np.isfinite(found).all(axis=-1))
    assert np.array_equal(found[seen], points[seen])
    return found


@pytest.mark.parametrize(("first", "row"), [(0, 80), (2, 110), (4, 150)])
def test_a_body_goes_on_below_the_picture(first: int, row: int) -> None:
    found, whole = cut_off(first, row)[LOWER], standing_figure()[LOWER]
    assert np.abs(found - whole).max() < 0.6 * TORSO
    assert (found[first:, 1] >= row).all()


def test_nothing_is_guessed_inside_the_picture() -> None:
    for first in (0, 2, 4):
        assert np.isnan(cut_off(first, SIZE[1] + 200)[LOWER[first:]]).all()


def test_a_leg_whose_knee_would_be_just_above_the_edge_goes_on_beyond_it() -> None:
    knees, ankles = LOWER[2:4], LOWER[4:]
    found = cut_off(2, 140)
    assert np.abs(found[knees] - standing_figure()[knees]).max() < 0.2 * TORSO
    assert (found[ankles, 1] > 140).all()
    assert np.isnan(cut_off(2, 150)[knees]).all()


def test_who_is_shown_to_the_chest_keeps_the_chest() -> None:
    figure, wall = (200, 160, 40), (90, 90, 90)
    picture = np.full((80, SIZE[0], 3), wall, np.uint8)
    cv2.ellipse(picture, (64, 34), (10, 16), 0, 0, 360, figure, -1)
    picture[52:, 46:82] = figure
    points = standing_figure()
    points[LOWER] = np.nan
    shown = (picture != wall).any(axis=-1)
    bent = Puppet(picture, pose(points), shown).bend(pose(points))
    assert (bent[58:79, 54:74] == figure).all()
