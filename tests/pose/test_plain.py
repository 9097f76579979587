"""Arms and hands that a reference does not show."""

from __future__ import annotations

import numpy as np
import pytest

from pose.puppet import Puppet
from pose.skeleton import INDEX, LEFT_HAND, Floats, Frame
from tests.pose.figures import PLACES, SIZE, pose, standing_figure

WALL, SKIN, SHIRT, SLEEVE = (90, 120, 150), (200, 150, 120), (20, 40, 160), (10, 150, 30)
BARE = ("left_elbow", "right_elbow", "left_wrist", "right_wrist")


@pytest.fixture
def picture() -> Frame:
    """Head and shirt of somebody without arms."""
    shown = np.full((SIZE[1], SIZE[0], 3), WALL, np.uint8)
    shown[18:46, 50:79] = SKIN
    shown[46:104, 44:85] = SHIRT
    shown[104:170, 44:85] = (60, 50, 50)
    return shown


def joints(*missing: str) -> Floats:
    points = standing_figure()
    for name in missing:
        points[INDEX[name]] = np.nan
    return points


def with_hand(points: Floats) -> Floats:
    """The same with a left hand up, its fingers spread like a fan."""
    points = points.copy()
    wrist = np.array(PLACES["left_wrist"], float) - (6, 14)
    points[INDEX["left_wrist"]] = wrist
    points[LEFT_HAND.start] = wrist
    for finger, angle in enumerate(np.linspace(-0.9, 0.9, 5)):
        way = np.array([np.sin(angle), -np.cos(angle)])
        for joint in range(4):
            points[LEFT_HAND.start + 1 + 4 * finger + joint] = wrist + (6 + 5 * joint) * way
    return points


def away(picture: Frame, colour: tuple[int, ...], place: Floats) -> float:
    x, y = np.rint(place).astype(int)
    return float(np.abs(picture[y, x].astype(int) - colour).max())


def test_hands_that_are_not_shown_have_the_colour_of_the_face(picture: Frame) -> None:
    asked = with_hand(joints())
    bent = Puppet(picture, pose(joints(*BARE))).bend(pose(asked))
    for finger in range(5):
        joint = LEFT_HAND.start + 1 + 4 * finger + 2
        assert away(bent, SKIN, asked[joint]) < 12
    between = (asked[LEFT_HAND.start + 8] + asked[LEFT_HAND.start + 12]) / 2
    assert away(bent, WALL, between) < 12


def test_arms_that_are_not_shown_have_the_colour_of_the_shirt(picture: Frame) -> None:
    bent = Puppet(picture, pose(joints(*BARE))).bend(pose(joints()))
    for side in ("left", "right"):
        shoulder, elbow, wrist = (
            np.array(PLACES[f"{side}_{joint}"]) for joint in ("shoulder", "elbow", "wrist")
        )
        assert away(bent, SHIRT, 0.4 * shoulder + 0.6 * elbow) < 12
        assert away(bent, SHIRT, (elbow + wrist) / 2) < 12


def test_a_forearm_goes_on_as_its_upper_arm_ends(picture: Frame) -> None:
    own = joints("right_elbow", "left_wrist", "right_wrist")
    for share in np.linspace(0, 1, 20):
        x, y = np.rint(
            (1 - share) * np.array(PLACES["left_shoulder"]) + share * np.array(PLACES["left_elbow"])
        ).astype(int)
        picture[y - 4 : y + 5, x - 4 : x + 5] = SHIRT if share < 0.5 else SLEEVE
    bent = Puppet(picture, pose(own)).bend(pose(joints()))
    for side in ("left", "right"):
        forearm = (np.array(PLACES[f"{side}_elbow"]) + PLACES[f"{side}_wrist"]) / 2
        assert away(bent, SLEEVE, forearm) < 12


def test_what_is_shown_is_not_painted_over(picture: Frame) -> None:
    own = with_hand(joints())
    rng = np.random.default_rng(0)
    picture[40:80, 86:126] = rng.integers(0, 255, (40, 40, 3))
    whole = np.ones(picture.shape[:2], bool)
    bent = Puppet(picture, pose(own), whole).bend(pose(own))
    tips = np.rint(
        own[LEFT_HAND][[4, 8, 12, 16, 20]] * 0.5 + own[LEFT_HAND][[3, 7, 11, 15, 19]] * 0.5
    )
    for x, y in tips.astype(int):
        assert np.abs(bent[y, x].astype(int) - picture[y, x]).max() < 60
