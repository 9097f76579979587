from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.backends.hand_search import LOOKS, Detector, Found, mend_hands
from pose.hands import ARMS
from pose.skeleton import LEFT_HAND, RIGHT_HAND, Floats, Frame

SIZE = 500
HAND = np.stack(
    [np.linspace(0.0, 0.5, 21), 0.25 * np.sin(np.arange(21))], axis=1
)  # in reaches, from the wrist
Body = tuple[Floats, Floats]


@pytest.fixture
def body(standing: Body) -> Body:
    """A body in a picture of SIZE, with both hands at their wrists."""
    keypoints, scores = standing[0] * SIZE, standing[1].copy()
    for arm in ARMS:
        length = np.linalg.norm(keypoints[arm.wrist] - keypoints[arm.elbow])
        keypoints[arm.hand] = keypoints[arm.wrist] + HAND * length
    return keypoints, scores


def without(body: Body, *hands: slice) -> Body:
    keypoints, scores = body[0].copy(), body[1].copy()
    for hand in hands:
        keypoints[hand], scores[hand] = np.nan, 0.0
    return keypoints, scores


def picture(*points: NDArray[np.float64]) -> Frame:
    """Black, with a white spot at each point."""
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    for x, y in np.rint(np.array(points)).astype(int):
        frame[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] = 255
    return frame


def spot_detector(scale: float) -> Detector:
    """Finds a hand, so many crops long, that begins at the middle of the white spot."""

    def detect(crop: Frame) -> Found:
        rows, columns = np.nonzero(crop[..., 0] > 128)
        if not len(rows) or len(rows) > crop.shape[0] ** 2 / 4:  # nothing, or a negative
            return []
        start = (np.array([columns.mean(), rows.mean()]) + 0.5) / crop.shape[0]
        return [(start + HAND * scale, 0.7)]

    return detect


def test_a_missing_hand_is_found_at_its_wrist(body: Body) -> None:
    keypoints, scores = without(body, LEFT_HAND)
    mend_hands(picture(body[0][ARMS[0].wrist]), keypoints, scores, spot_detector(0.38))
    np.testing.assert_allclose(keypoints[LEFT_HAND], body[0][LEFT_HAND], atol=2.0)
    assert (scores[LEFT_HAND] == 0.7).all()


def test_a_hand_away_from_the_wrist_is_not_taken(body: Body) -> None:
    keypoints, scores = without(body, LEFT_HAND)
    mend_hands(picture(body[0][ARMS[0].elbow]), keypoints, scores, spot_detector(0.38))
    assert not scores[LEFT_HAND].any()
    assert np.isnan(keypoints[LEFT_HAND]).all()


@pytest.mark.parametrize("scale", [0.05, 3.0])
def test_what_has_not_the_size_of_a_hand_is_not_taken(body: Body, scale: float) -> None:
    keypoints, scores = without(body, LEFT_HAND)
    mend_hands(picture(body[0][ARMS[0].wrist]), keypoints, scores, spot_detector(scale))
    assert not scores[LEFT_HAND].any()


def test_the_other_arms_hand_is_not_found_again(body: Body) -> None:
    keypoints, scores = without(body, LEFT_HAND)
    keypoints[ARMS[0].wrist] = keypoints[ARMS[1].wrist]
    keypoints[ARMS[0].elbow] = keypoints[ARMS[1].elbow]
    mend_hands(picture(body[0][ARMS[1].wrist]), keypoints, scores, spot_detector(0.38))
    assert not scores[LEFT_HAND].any()
    assert scores[RIGHT_HAND].all()


def test_a_misplaced_hand_is_dropped(body: Body) -> None:
    keypoints, scores = body
    keypoints[RIGHT_HAND] += 100
    mend_hands(picture(), keypoints, scores, lambda crop: [])
    assert not scores[RIGHT_HAND].any()
    assert scores[LEFT_HAND].all()


def test_good_hands_are_left_alone(body: Body) -> None:
    keypoints, scores = body[0].copy(), body[1].copy()

    def refuse(crop: Frame) -> Found:
        raise AssertionError("searched for a hand that is there")

    mend_hands(picture(), keypoints, scores, refuse)
    np.testing.assert_array_equal(keypoints, body[0])
    np.testing.assert_array_equal(scores, body[1])


@pytest.mark.parametrize("reason", ["hidden arm", "outside"])
def test_no_search_where_no_hand_can_be_seen(body: Body, reason: str) -> None:
    keypoints, scores = without(body, LEFT_HAND)
    if reason == "hidden arm":
        scores[ARMS[0].wrist] = 0.1
    else:
        keypoints[[ARMS[0].wrist, ARMS[0].elbow]] += SIZE
    looks: list[Frame] = []
    mend_hands(picture(), keypoints, scores, lambda crop: looks.append(crop) or [])
    assert not looks


def test_every_look_is_tried(body: Body) -> None:
    keypoints, scores = without(body, LEFT_HAND)
    looks: list[Frame] = []
    frame = picture(body[0][ARMS[0].wrist])
    mend_hands(frame, keypoints, scores, lambda crop: looks.append(crop) or [])
    assert len(looks) == len(LOOKS)
    assert all(look.shape == looks[0].shape and look.dtype == np.uint8 for look in looks)
    assert len({look.tobytes() for look in looks}) == len(LOOKS)


def test_an_arm_led_to_the_other_hand_gets_its_own(body: Body) -> None:
    keypoints, scores = body[0].copy(), body[1].copy()
    mine, other = ARMS
    keypoints[mine.elbow] = keypoints[other.elbow] + [60, 0]
    keypoints[mine.wrist] = keypoints[other.wrist] + 2
    keypoints[mine.hand] = keypoints[other.hand] + 2
    scores[mine.wrist] = 0.5
    true = keypoints[mine.elbow] + [0, -60]
    mend_hands(picture(true), keypoints, scores, spot_detector(0.3))
    np.testing.assert_allclose(keypoints[mine.wrist], true, atol=2.0)
    np.testing.assert_array_equal(keypoints[mine.hand][0], keypoints[mine.wrist])
    np.testing.assert_array_equal(keypoints[other.hand], body[0][other.hand])


def test_clapping_hands_stay_where_no_third_is_seen(body: Body) -> None:
    keypoints, scores = body[0].copy(), body[1].copy()
    shift = keypoints[ARMS[1].wrist] - keypoints[ARMS[0].wrist]
    keypoints[ARMS[0].wrist] += shift
    keypoints[LEFT_HAND] = keypoints[RIGHT_HAND] + 2
    scores[ARMS[0].wrist] = 0.5
    before = keypoints.copy()
    mend_hands(picture(), keypoints, scores, lambda crop: [])
    np.testing.assert_array_equal(keypoints, before)
