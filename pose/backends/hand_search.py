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
CROP = 256  # pixels a side; the palm detector takes 192
SKIN = np.array([1.12, 0.86, 0.70])  # tint of light skin: red, green, blue over their mean


Found = list[tuple[Floats, float]]  # hands (21, 2) in [0, 1] of a crop, each with its certainty
Detector = Callable[[Frame], Found]


def mend_hands(frame: Frame, keypoints: Floats, scores: Floats, detect: Detector) -> None:
    """Drop hands of one person that cannot be right, and search where one is missing; in place.

    keypoints (133, 2) in pixels and scores (133,). `detect` finds hands in a square crop. A hand
    is searched only if the arm is seen and its wrist lies in the frame or nearly so.
    """
    for arm in ARMS:
        if scores[arm.hand].any() and not fits(keypoints, arm, WRIST_AWAY):
            keypoints[arm.hand], scores[arm.hand] = np.nan, 0.0
    drop_doubles(keypoints[None], scores[None])
    for arm, other in zip(ARMS, ARMS[::-1], strict=True):
        if not scores[arm.hand].any() and _worth_a_look(frame, keypoints, scores, arm):
            hand = _search(frame, keypoints, arm, keypoints[other.hand], detect)
            if hand is not None:
                keypoints[arm.hand], scores[arm.hand] = hand


def fits(keypoints: Floats, arm: Arm, away: float) -> bool:
    """Whether the hand begins near the arm's wrist and has the size of a hand."""
    size = extent(keypoints[arm.hand]) / reach(keypoints, arm)
    return bool(gap(keypoints, arm) <= away and SIZE[0] <= size <= SIZE[1])


def _worth_a_look(frame: Frame, keypoints: Floats, scores: Floats, arm: Arm) -> bool:
    seen = min(scores[arm.wrist], scores[arm.elbow]) > VISIBLE
    slack = BORDER * float(reach(keypoints, arm))
    wrist, size = keypoints[arm.wrist], np.array([frame.shape[1], frame.shape[0]])
    return bool(seen and (wrist >= -slack).all() and (wrist < size + slack).all())


def _search(
    frame: Frame, keypoints: Floats, arm: Arm, other: Floats, detect: Detector
) -> tuple[Floats, float] | None:
    """The hand (21, 2) of an arm and its certainty, if one is found that can be right.

    other (21, 2) is the hand of the other arm, NaN if missing: it is not found again.
    """
    corner, side = _square(keypoints, arm)
    crop = _crop(frame, corner, side)
    for look in LOOKS:
        found: list[tuple[float, Floats, float]] = []
        for hand, certainty in detect(look(crop)):
            placed = keypoints.copy()
            placed[arm.hand] = hand * side + corner
            if fits(placed, arm, SEARCHED_WRIST_AWAY) and not coincide(placed[arm.hand], other):
                found.append((float(gap(placed, arm)), placed[arm.hand], certainty))
        if found:
            return min(found, key=lambda hand: hand[0])[1:]
    return None


def _square(keypoints: Floats, arm: Arm) -> tuple[NDArray[np.int64], int]:
    """Corner (2,) and side in pixels of the square in which the hand must be."""
    wrist = keypoints[arm.wrist]
    middle = wrist + AHEAD * (wrist - keypoints[arm.elbow])
    half = max(round(VIEW * float(reach(keypoints, arm))), 1)
    return np.floor(middle).astype(np.int64) - half, 2 * half


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
