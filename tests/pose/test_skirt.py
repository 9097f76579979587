"""Skirts: who wears one, and that it stays one cloth whatever the legs do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose.bones import bones_of
from pose.puppet import Puppet
from pose.skeleton import INDEX, Floats, Frame
from pose.skirt import find_hem
from tests.pose.figures import PLACES, SIZE, pose, standing_figure

Flags = NDArray[np.bool_]
SHAPE = SIZE[::-1]
CLOTH, LEGS, WALL = (10, 200, 20), (200, 160, 140), (90, 90, 90)


@pytest.fixture
def standing() -> Floats:
    points = standing_figure()
    for side in ("left", "right"):
        for joint in ("elbow", "wrist"):
            points[INDEX[f"{side}_{joint}"]] = np.nan
        points[INDEX[f"{side}_knee"], 0] = PLACES[f"{side}_ankle"][0]
    return points


def figure(standing: Floats, hem: int, spread: int) -> Frame:
    """Somebody in a cloth as wide as that at its hem, from the waist to a row; 0 for no cloth."""
    shown = np.full((*SHAPE, 3), WALL, np.uint8)
    shown[22:100, 48:80] = LEGS
    for side in ("left", "right"):
        leg = standing[[INDEX[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")]]
        cv2.polylines(shown, [leg.astype(np.int32)], False, LEGS, 11)
    if spread:
        corners = [(52, 94), (76, 94), (64 + spread, hem), (64 - spread, hem)]
        cv2.fillConvexPoly(shown, np.array(corners), CLOTH)
    return shown


def hem_of(shown: Frame, points: Floats) -> float | None:
    (bones,) = bones_of(pose(points), SHAPE)
    return find_hem(bones, (shown != WALL).any(axis=-1))


@pytest.mark.parametrize("hem", [124, 134, 150])
def test_a_wide_skirt_is_found_down_to_its_hem(standing: Floats, hem: int) -> None:
    found = hem_of(figure(standing, hem, spread=26), standing)
    assert found == pytest.approx((hem - 98) / 32, abs=0.1)


def test_a_skirt_that_a_picture_cuts_off_goes_on_below_it(standing: Floats) -> None:
    """A coat in a portrait does not end at the knees when its wearer comes up."""
    shown = figure(standing, 150, spread=26)[:132]
    puppet = Puppet(shown, pose(standing))
    raised = standing - (0, 24)
    bent = puppet.bend(pose(raised))
    for row in range(100, 132):
        assert (bent[row, 48:81] == CLOTH).all(axis=-1).mean() > 0.9


def test_a_skirt_ends_where_wide_trousers_go_on(standing: Floats) -> None:
    shown = figure(standing, 0, spread=0)
    shown[98:166, 44:84] = LEGS
    shown[98:124, 36:92] = CLOTH
    assert hem_of(shown, standing) == pytest.approx((124 - 98) / 32, abs=0.1)


def test_what_is_around_bent_legs_is_no_skirt(standing: Floats) -> None:
    for side, way in (("left", 1), ("right", -1)):
        for joint, (x, y) in {"hip": (64, 98), "knee": (80, 128), "ankle": (60, 150)}.items():
            standing[INDEX[f"{side}_{joint}"]] = (x + 5 * way, y)
    shown = figure(standing, 0, spread=0)
    for side in ("left", "right"):
        leg = standing[[INDEX[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")]]
        cv2.polylines(shown, [leg.astype(np.int32)], False, LEGS, 13)
    assert hem_of(shown, standing) is None


def test_who_wears_none_has_no_hem(standing: Floats) -> None:
    assert hem_of(figure(standing, 0, spread=0), standing) is None  # legs apart
    trousers = figure(standing, 0, spread=0)
    trousers[98:166, 48:80] = LEGS  # legs together
    assert hem_of(trousers, standing) is None
    seated = standing.copy()
    for side in ("left", "right"):
        seated[INDEX[f"{side}_knee"]] -= (0, 20)
    assert hem_of(figure(standing, 134, spread=26), seated) is None
    no_knees = standing.copy()
    no_knees[INDEX["left_knee"]] = np.nan
    assert hem_of(figure(standing, 134, spread=26), no_knees) is None


def bent(shown: Frame, own: Floats, asked: Floats) -> Frame:
    return Puppet(shown, pose(own), (shown != WALL).any(axis=-1)).bend(pose(asked))


@pytest.fixture
def astride(standing: Floats) -> Floats:
    points = standing.copy()
    for side, way in (("left", 1), ("right", -1)):
        for joint, far in (("knee", 14), ("ankle", 24)):
            points[INDEX[f"{side}_{joint}"]] += (way * far, 0)
    return points


def test_a_skirt_stays_whole_when_the_legs_part(standing: Floats, astride: Floats) -> None:
    shown = bent(figure(standing, 134, spread=24), standing, astride)
    cloth = (shown == CLOTH).all(axis=-1)
    assert cloth[104:130, 64].all()  # between the legs
    assert cloth[126].sum() > (figure(standing, 134, spread=24)[126] == CLOTH).all(axis=-1).sum()
    assert (shown[150, 60:68] == WALL).all()  # and below it they stand apart


def test_trousers_part_with_their_legs(standing: Floats, astride: Floats) -> None:
    shown = bent(figure(standing, 0, spread=0), standing, astride)
    assert (shown[126, 62:67] == WALL).all()
