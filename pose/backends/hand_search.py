"""Hands that the whole-body model missed or misplaced: look again around the wrist."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.hands import ARMS, Arm, coincide, drop_doubles, extent, gap, reach
from pose.skeleton import VISIBLE, Floats, Frame

# Gaps and sizes below are in reaches, see pose.hands: about the length of a forearm.
# Measured on rendered dancers, wrist of Holistic's right hands to the wrist of the body: median
# 0.07, at most 0.35. In searched crops, where the body's wrist may lag: right ones to 0.62, wrong
# ones (elbows, faces, the other hand) from 0.23 with a median of 0.63.
WRIST_AWAY = 0.5
SEARCHED_WRIST_AWAY = 0.6
SIZE = (0.25, 1.5)  # of a plausible hand from end to end; measured on right ones: 0.43 to 1.28

BORDER = 0.25  # the body's wrist may lie so far outside the frame
VIEW = 1.3  # half a side of the searched square
AHEAD = 0.25  # how far its middle lies beyond the wrist
# Where arms overlap, the body model may lead both to one hand and doubt one of them. The other
# hand is then within a forearm of the doubtful arm's elbow.
TOGETHER = 0.5  # wrists that are closer
ELBOW_VIEW = 1.5  # half a side of the square around the elbow
FOREARM_SEEN = (0.3, 1.3)  # from the elbow to the hand
CROP = 256  # pixels a side; the palm detector takes 192
SKIN = np.array([1.12, 0.86, 0.70])  # tint of light skin: red, green, blue over their mean


Found = list[tuple[Floats, float]]  # hands (21, 2), in [0, 1] of a crop, with their certainty
Detector = Callable[[Frame], Found]
Look = Callable[[Frame], Frame]


def mend_hands(frame: Frame, keypoints: Floats, scores: Floats, detect: Detector) -> None:
    """Drop hands of one person that cannot be right, and search where one is missing; in place.

    keypoints (133, 2) in pixels and scores (133,). `detect` finds hands in a square crop. A hand
    is searched only if the arm is seen and its wrist lies in the frame or nearly so. The wrist of
    an arm that was led to the other arm's hand moves to the hand that is found for it.
    """
    for arm in ARMS:
        if scores[arm.hand].any() and not fits(keypoints, arm, WRIST_AWAY):
            keypoints[arm.hand], scores[arm.hand] = np.nan, 0.0
    drop_doubles(keypoints[None], scores[None])
    for arm, other in zip(ARMS, ARMS[::-1], strict=True):
        if _led_astray(keypoints, scores, arm, other):
            hand = _search_elbow(frame, keypoints, arm, keypoints[other.hand], detect)
            if hand is not None:
                keypoints[arm.wrist], scores[arm.wrist] = hand[0][0], hand[1]
                keypoints[arm.hand], scores[arm.hand] = hand
        if not scores[arm.hand].any() and _worth_a_look(frame, keypoints, scores, arm):
            hand = _search_wrist(frame, keypoints, arm, keypoints[other.hand], detect)
            if hand is not None:
                keypoints[arm.hand], scores[arm.hand] = hand


def fits(keypoints: Floats, arm: Arm, away: float) -> bool:
    """Whether the hand begins near the arm's wrist and has the size of a hand."""
    return bool(gap(keypoints, arm) <= away) and _has_size(keypoints[arm.hand], keypoints, arm)


def _has_size(hand: Floats, keypoints: Floats, arm: Arm) -> bool:
    return bool(SIZE[0] <= extent(hand) / reach(keypoints, arm) <= SIZE[1])


def _led_astray(keypoints: Floats, scores: Floats, arm: Arm, other: Arm) -> bool:
    """Whether an arm ends at the other arm's hand, of which the body model is more certain."""
    if not scores[other.hand].any() or scores[arm.wrist] >= scores[other.wrist]:
        return False
    apart = np.linalg.norm(keypoints[arm.wrist] - keypoints[other.wrist])
    own = scores[arm.hand].any() and not coincide(keypoints[arm.hand], keypoints[other.hand])
    return bool(apart < TOGETHER * reach(keypoints, arm)) and not own


def _worth_a_look(frame: Frame, keypoints: Floats, scores: Floats, arm: Arm) -> bool:
    seen = min(scores[arm.wrist], scores[arm.elbow]) > VISIBLE
    slack = BORDER * float(reach(keypoints, arm))
    wrist, size = keypoints[arm.wrist], np.array([frame.shape[1], frame.shape[0]])
    return bool(seen and (wrist >= -slack).all() and (wrist < size + slack).all())


def _search_wrist(
    frame: Frame, keypoints: Floats, arm: Arm, other: Floats, detect: Detector
) -> tuple[Floats, float] | None:
    """The hand (21, 2) at an arm's wrist and its certainty, if one is found that can be right.

    other (21, 2) is the hand of the other arm, NaN if missing: it is not found again.
    """
    wrist, size = keypoints[arm.wrist], float(reach(keypoints, arm))
    middle = wrist + AHEAD * (wrist - keypoints[arm.elbow])
    for look in LOOKS:
        found = []
        for hand, certainty in _hands_around(frame, middle, VIEW * size, look, detect):
            away = float(np.linalg.norm(hand[0] - wrist)) / size
            right = away <= SEARCHED_WRIST_AWAY and _has_size(hand, keypoints, arm)
            if right and not coincide(hand, other):
                found.append((away, hand, certainty))
        if found:
            return min(found, key=lambda hand: hand[0])[1:]
    return None


def _search_elbow(
    frame: Frame, keypoints: Floats, arm: Arm, other: Floats, detect: Detector
) -> tuple[Floats, float] | None:
    """The hand that an arm leads to in truth, as far as its elbow tells; see _search_wrist."""
    elbow, size = keypoints[arm.elbow], float(reach(keypoints, arm))
    found = []
    for hand, certainty in _hands_around(frame, elbow, ELBOW_VIEW * size, _plain, detect):
        away = float(np.linalg.norm(hand[0] - elbow)) / size
        right = FOREARM_SEEN[0] <= away <= FOREARM_SEEN[1] and _has_size(hand, keypoints, arm)
        if right and not coincide(hand, other):
            found.append((hand, certainty))
    return max(found, key=lambda hand: hand[1], default=None)


def _hands_around(frame: Frame, middle: Floats, half: float, look: Look, detect: Detector) -> Found:
    """The hands (21, 2) in pixels in a square of the frame, each with its certainty."""
    side = 2 * max(round(half), 1)
    corner = np.floor(middle).astype(np.int64) - side // 2
    crop = look(_crop(frame, corner, side))
    return [(hand * side + corner, certainty) for hand, certainty in detect(crop)]


def _crop(frame: Frame, corner: NDArray[np.int64], side: int) -> Frame:
    """The square (CROP, CROP, 3), black beyond the frame's edges."""
    left, top = np.maximum(corner, 0)
    right, bottom = np.minimum(corner + side, [frame.shape[1], frame.shape[0]])
    crop = np.zeros((CROP, CROP, 3), np.uint8)
    start = np.rint((np.array([left, top]) - corner) * CROP / side).astype(int)
    stop = np.rint((np.array([right, bottom]) - corner) * CROP / side).astype(int)
    if (stop > start).all():
        method = cv2.INTER_AREA if side > CROP else cv2.INTER_LINEAR
        size = (int(stop[0] - start[0]), int(stop[1] - start[1]))
        part = cv2.resize(frame[top:bottom, left:right], size, interpolation=method)
        crop[start[1] : stop[1], start[0] : stop[0]] = part
    return crop


# The palm detector has learned from bare hands. Gloves, paint and coloured light hide a hand from
# it that it sees in a copy in skin's colours; hands that are darker than what is behind them it
# sees in the negative. Measured on 128 hands that Holistic had missed, mostly gloved: found 43 in
# the plain crop, 93 with a tinted copy, 112 with a brightened one, 114 with plain, tint, negative.


def _plain(crop: Frame) -> Frame:
    return crop


def _bright_skin(crop: Frame) -> Frame:
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return _tinted(np.sqrt(grey / 255.0) * 255.0)


def _negative_skin(crop: Frame) -> Frame:
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return _tinted(255.0 - grey)


def _tinted(grey: Floats) -> Frame:
    return np.asarray(np.clip(grey[..., None] * SKIN, 0, 255), dtype=np.uint8)


LOOKS = (_plain, _bright_skin, _negative_skin)
