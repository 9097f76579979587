from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose.hands import ARMS, attribute_hands
from pose.skeleton import COUNT, INDEX, LEFT_HAND, RIGHT_HAND, Floats

SIDES = ("left", "right")
REACH = 100.0
# A hand that points up from its wrist at (0, 0): five fingers of four joints, in reaches.
FINGERS = [[(0.1 * (i - 2) * j / 4, -0.18 * j) for j in range(1, 5)] for i in range(5)]
HAND = np.array([(0.0, 0.0), *(joint for finger in FINGERS for joint in finger)])


def bodies(elbows: Floats, angles: Floats, bends: Floats) -> tuple[Floats, Floats]:
    """One person in F frames: elbows (F, 2, 2), angles of forearms and bends of hands (F, 2)."""
    frames = len(elbows)
    keypoints = np.full((frames, 1, COUNT, 2), np.nan)
    shoulders = np.array([[50.0, 0.0], [-50.0, 0.0]])
    for side, name in enumerate(SIDES):
        keypoints[:, 0, INDEX[f"{name}_shoulder"]] = shoulders[side]
        keypoints[:, 0, INDEX[f"{name}_hip"]] = shoulders[side] * 0.8 + [0, 200]
        wrists = elbows[:, side] + REACH * _turned(np.array([[0.0, -1.0]]), angles[:, side])[:, 0]
        keypoints[:, 0, INDEX[f"{name}_elbow"]] = elbows[:, side]
        keypoints[:, 0, INDEX[f"{name}_wrist"]] = wrists
        hand = HAND * [1 if side else -1, 1]
        turned = _turned(hand, angles[:, side] + bends[:, side])
        keypoints[:, 0, ARMS[side].hand] = wrists[:, None] + REACH * turned
    return keypoints, np.where(np.isfinite(keypoints).all(axis=-1), 0.9, 0.0)


def _turned(points: Floats, angles: Floats) -> Floats:
    """Points (K, 2) turned by each angle, (F, K, 2)."""
    cos, sin = np.cos(angles), np.sin(angles)
    matrix = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    return np.einsum("fij,kj->fki", matrix, points)


def swapped(keypoints: Floats, frames: slice = slice(None)) -> Floats:
    out = keypoints.copy()
    out[frames, :, LEFT_HAND] = keypoints[frames, :, RIGHT_HAND]
    out[frames, :, RIGHT_HAND] = keypoints[frames, :, LEFT_HAND]
    return out


def crossing(frames: int = 21) -> tuple[Floats, Floats]:
    """Both forearms swing across each other and back."""
    swing = np.sin(np.linspace(0, np.pi, frames))
    elbows = np.tile(np.array([[80.0, 100.0], [-80.0, 110.0]]), (frames, 1, 1))
    angles = np.stack([-1.5 * swing, 1.2 * swing], axis=1)
    return bodies(elbows, angles, np.zeros((frames, 2)))


place = st.floats(-300, 300)
turn = st.floats(-np.pi, np.pi)
bend = st.floats(-1.2, 1.2)
arms = st.lists(st.tuples(place, place, place, place, turn, turn, bend, bend), min_size=1,
                max_size=6).map(np.array)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(arms)
def test_hands_at_their_wrists_are_never_moved(values: Floats) -> None:
    keypoints, scores = bodies(values[:, :4].reshape(-1, 2, 2), values[:, 4:6], values[:, 6:])
    points, seen, moved = attribute_hands(keypoints, scores)
    np.testing.assert_array_equal(points, keypoints)
    np.testing.assert_array_equal(seen, scores)
    assert not moved.any()


@settings(max_examples=60, deadline=None)
@given(arms)
def test_exchanged_hands_are_put_back(values: Floats) -> None:
    keypoints, scores = bodies(values[:, :4].reshape(-1, 2, 2), values[:, 4:6], values[:, 6:])
    wrists = keypoints[:, 0, [arm.wrist for arm in ARMS]]
    apart = np.linalg.norm(wrists[:, 0] - wrists[:, 1], axis=-1) > 0.8 * REACH
    keypoints, scores = keypoints[apart], scores[apart]
    points, _, moved = attribute_hands(swapped(keypoints), scores)
    np.testing.assert_array_equal(points, keypoints)
    assert moved[:, :, LEFT_HAND.start : RIGHT_HAND.stop].all()
    assert not moved[:, :, : LEFT_HAND.start].any()


def test_crossing_arms_keep_their_hands() -> None:
    keypoints, scores = crossing()
    lefts = keypoints[:, 0, [arm.wrist for arm in ARMS], 0]
    assert lefts[0, 0] > lefts[0, 1]
    assert lefts[10, 0] < lefts[10, 1]  # they do cross
    points, _, moved = attribute_hands(keypoints, scores)
    np.testing.assert_array_equal(points, keypoints)
    assert not moved.any()


def test_hands_exchanged_while_arms_are_crossed_are_put_back() -> None:
    keypoints, scores = crossing()
    wrong = slice(8, 13)
    points, _, moved = attribute_hands(swapped(keypoints, wrong), scores)
    np.testing.assert_array_equal(points, keypoints)
    assert list(np.flatnonzero(moved.any(axis=(1, 2)))) == list(range(8, 13))


def test_a_single_hand_goes_to_its_arm() -> None:
    keypoints, scores = crossing(1)
    given, seen = swapped(keypoints), scores.copy()
    given[..., LEFT_HAND, :], seen[..., LEFT_HAND] = np.nan, 0.0
    points, values, moved = attribute_hands(given, seen)
    np.testing.assert_array_equal(points[..., LEFT_HAND, :], keypoints[..., LEFT_HAND, :])
    assert not values[..., RIGHT_HAND].any()
    assert moved[..., LEFT_HAND].all()
    assert not moved[..., RIGHT_HAND].any()


@pytest.mark.parametrize("owner", [0, 1])
def test_of_two_hands_on_one_wrist_the_one_that_belongs_there_stays(owner: int) -> None:
    keypoints, scores = crossing(1)
    mine, other = ARMS[owner].hand, ARMS[1 - owner].hand
    keypoints[..., other, :] = keypoints[..., mine, :] + 3.0
    points, values, _ = attribute_hands(keypoints, scores)
    np.testing.assert_array_equal(points[..., mine, :], keypoints[..., mine, :])
    assert not values[..., other].any()
    assert np.isnan(points[..., other, :]).all()


def test_clapping_hands_both_stay() -> None:
    elbows, angles = np.array([[[80.0, 100.0], [-80.0, 100.0]]]), np.array([[-0.9, 0.9]])
    keypoints, scores = bodies(elbows, angles, -angles)
    _, values, _ = attribute_hands(keypoints, scores)
    np.testing.assert_array_equal(values, scores)


def test_the_input_is_unchanged() -> None:
    keypoints, scores = crossing(3)
    given, seen = swapped(keypoints), scores.copy()
    attribute_hands(given, seen)
    np.testing.assert_array_equal(given, swapped(keypoints))
    np.testing.assert_array_equal(seen, scores)


@pytest.mark.parametrize("shape", [(0, 1), (2, 0), (3, 2)])
def test_nobody_is_no_trouble(shape: tuple[int, int]) -> None:
    keypoints, scores = np.full((*shape, COUNT, 2), np.nan), np.zeros((*shape, COUNT))
    points, values, moved = attribute_hands(keypoints, scores)
    assert points.shape == keypoints.shape
    assert not values.any()
    assert not moved.any()
