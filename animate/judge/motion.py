"""Does a result move as it was asked to? Tracked poses against the driving ones; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animate.judge.fit import Fit, robust_fit, rough_fit
from animate.judge.sides import undo_swaps
from pose.anatomy import body_size
from pose.skeleton import BODY, INDEX, LEFT_HAND, RIGHT_HAND, VISIBLE, Mark, PoseSequence

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PAIRS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
LIMBS = np.array([INDEX[f"{side}_{name}"] for name in PAIRS for side in ("left", "right")])
JOINTS = np.array([INDEX["nose"], *LIMBS])
HANDS = {"left": LEFT_HAND, "right": RIGHT_HAND}
KNUCKLES = np.array([5, 9, 17])  # of a hand's 21 joints; 0 is the wrist

# PCK, the percentage of correct keypoints (Yang and Ramanan 2013): how near counts as right.
BODY_REACH = 0.1  # torso lengths
HAND_REACH = 0.5  # palm lengths
ROUNDS = 3  # of fitting and exchanging sides, each of which helps the other
HALF_HAND = 0.5  # share of a hand's joints that make it a seen hand

MOST_LAG = 12  # frames: half a second at the usual rates
LAG_GAIN = 0.85  # of the error that a lag must leave at most to be believed
LOST = 0.5  # torso lengths; beyond, how far off a joint is says nothing about lag


@dataclass(frozen=True, kw_only=True)
class Hand:
    """One hand: pck None if it is never found, recall None if the driving figure never shows it."""

    pck: float | None
    recall: float | None
    frames: int  # in which the driving figure shows it


@dataclass(frozen=True, kw_only=True)
class MotionFigures:
    """How well a result follows. Shares are in [0, 1]; None where nothing could be measured.

    body: of the joints that the driving figure shows and the result's picture has room for, those
    within BODY_REACH; what is not found is wrong. found: frames of those in which a body is found.
    errors: median distances in torso lengths, by joint. swapped: frames in which the tracker had
    exchanged left and right. lag: frames by which the result is late.
    """

    frames: int
    body: float | None
    found: float | None
    left: Hand
    right: Hand
    errors: dict[str, float]
    swapped: int
    lag: int


def compare_motion(
    driving: Floats, shown: Flags, result: Floats, found: Flags, size: tuple[int, int]
) -> MotionFigures:
    """Compare poses (F, 133, 2), NaN where missing, of driving source and result.

    shown (F, 133): what the driving figure shows; found (F, 133): what the tracker saw in the
    result, nothing filled in. size: (width, height) of the result in its pixels. The result may
    lie elsewhere, and be larger or smaller in each axis: that is fitted first.
    """
    frames = min(len(driving), len(result))
    driving, result = driving[:frames], result[:frames]
    shown, found = shown[:frames], found[:frames]
    shown = shown & np.isfinite(driving).all(axis=-1)
    placed = _place(driving, shown, result)
    if placed is None:
        return _nothing_found(shown)
    fit, result, swapped = placed
    expected = fit(driving)
    inside = ((expected >= 0) & (expected <= np.array(size))).all(axis=-1)
    asked = shown & inside
    unit = max(float(body_size(expected[:, None])[0]), 1.0)
    off = np.nan_to_num(np.linalg.norm(result - expected, axis=-1), nan=np.inf)
    present = (found[:, BODY] & np.isfinite(result[:, BODY]).all(axis=-1)).any(axis=1)
    wanted = asked[:, JOINTS]
    return MotionFigures(
        frames=frames,
        body=_share((off[:, JOINTS] <= BODY_REACH * unit)[wanted]),
        found=_share(present[wanted.any(axis=1)]),
        left=_hand(expected, asked, off, found, LEFT_HAND),
        right=_hand(expected, asked, off, found, RIGHT_HAND),
        errors=_errors(off / unit, asked),
        swapped=int(swapped.sum()),
        lag=find_lag(np.where(asked[..., None], expected, np.nan)[:, JOINTS], result[:, JOINTS],
                     unit),
    )  # fmt: skip


def find_lag(expected: Floats, result: Floats, unit: float) -> int:
    """Frames by which a result (F, J, 2) is late, negative if early; NaN where missing.

    The shift with the smallest mean distance, distances capped at LOST units of `unit` pixels. 0
    unless it is clearly smaller: a figure at rest, or one that does something else, has no lag.
    """
    most = min(MOST_LAG, len(expected) // 3)
    errors = {}
    for lag in range(-most, most + 1):
        ahead, late = max(lag, 0), max(-lag, 0)
        count = len(expected) - abs(lag)
        off = np.linalg.norm(result[ahead : ahead + count] - expected[late : late + count], axis=-1)
        known = np.isfinite(off)
        errors[lag] = float(np.minimum(off[known], LOST * unit).mean()) if known.any() else np.inf
    best = min(errors, key=lambda lag: (errors[lag], abs(lag)))
    return best if errors[best] < LAG_GAIN * errors[0] else 0


def person_of(poses: PoseSequence) -> tuple[Floats, Flags, Flags]:
    """The first person's positions (F, 133, 2), what is visible, and what of that was seen.

    What was filled in between frames is visible, as it is drawn, but was not seen.
    """
    if not poses.people:
        nobody = np.zeros((len(poses), poses.keypoints.shape[2]), dtype=bool)
        return np.full((*nobody.shape, 2), np.nan), nobody, nobody
    visible = poses.scores[:, 0] > VISIBLE
    return poses.keypoints[:, 0], visible, visible & ((poses.marks[:, 0] & Mark.FILLED) == 0)


def _place(driving: Floats, shown: Flags, result: Floats) -> tuple[Fit, Floats, Flags] | None:
    """The fit, the result with its sides put right, and the frames (F,) where that was needed."""
    both = (shown & np.isfinite(result).all(axis=-1))[:, JOINTS]
    start = rough_fit(driving[:, LIMBS], result[:, LIMBS], _in_pairs(both[:, 1:]))
    if start is None:
        return None
    fit = start
    for _ in range(ROUNDS):
        expected = np.where(shown[..., None], fit(driving), np.nan)
        unit = max(float(body_size(fit(driving)[:, None])[0]), 1.0)
        points, swapped = undo_swaps(result, expected, unit)
        both = (shown & np.isfinite(points).all(axis=-1))[:, JOINTS]
        fit = robust_fit(driving[:, JOINTS], points[:, JOINTS], both, start)
    return fit, points, swapped


def _in_pairs(seen: Flags) -> Flags:
    """(F, 2 n): a joint counts only together with its partner on the other side."""
    pairs = seen.reshape(len(seen), -1, 2).all(axis=-1)
    return np.repeat(pairs, 2, axis=1)


def _hand(expected: Floats, asked: Flags, off: Floats, found: Flags, part: slice) -> Hand:
    shown = asked[:, part].mean(axis=1) >= HALF_HAND
    seen = found[:, part].mean(axis=1) >= HALF_HAND
    both = shown & seen
    right = off[:, part] <= HAND_REACH * _palm(expected[:, part], asked[:, part])
    return Hand(
        pck=_share(right[both][asked[both, part]]),
        recall=_share(seen[shown]),
        frames=int(shown.sum()),
    )


def _palm(hand: Floats, asked: Flags) -> float:
    """Typical length in pixels of a hand (F, 21, 2) from the wrist to its farthest knuckle."""
    spans = np.linalg.norm(hand[:, KNUCKLES] - hand[:, :1], axis=-1)
    longest = np.where(asked[:, KNUCKLES] & asked[:, :1], spans, 0.0).max(axis=1)
    return float(np.median(longest[longest > 0])) if (longest > 0).any() else 0.0


def _errors(off: Floats, asked: Flags) -> dict[str, float]:
    """Median error over the frames by kind of joint; those never asked for are left out."""
    errors = {}
    for name in PAIRS:
        pair = [INDEX[f"left_{name}"], INDEX[f"right_{name}"]]
        known = off[:, pair][asked[:, pair] & np.isfinite(off[:, pair])]
        if len(known):
            errors[name] = float(np.median(known))
    return errors


def _nothing_found(shown: Flags) -> MotionFigures:
    """Nobody is found where somebody should be; None where nobody should."""

    def none_of(part: slice | Floats) -> float | None:
        return 0.0 if shown[:, part].any() else None

    frames = {side: int((shown[:, part].mean(axis=1) >= HALF_HAND).sum())
              for side, part in HANDS.items()}  # fmt: skip
    left, right = (
        Hand(pck=None, recall=0.0 if frames[side] else None, frames=frames[side]) for side in HANDS
    )
    return MotionFigures(
        frames=len(shown), body=none_of(BODY), found=none_of(BODY), left=left, right=right,
        errors={}, swapped=0, lag=0,
    )  # fmt: skip


def _share(right: Flags) -> float | None:
    return float(right.mean()) if right.size else None
