"""Which hand belongs to which arm: each to the arm whose wrist it continues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose.skeleton import INDEX, LEFT_HAND, RIGHT_HAND, Floats

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Arm:
    """Where one arm ends, and where its hand stands among the keypoints."""

    hand: slice
    elbow: int
    wrist: int


ARMS = (
    Arm(LEFT_HAND, INDEX["left_elbow"], INDEX["left_wrist"]),
    Arm(RIGHT_HAND, INDEX["right_elbow"], INDEX["right_wrist"]),
)
SHOULDERS = [INDEX["left_shoulder"], INDEX["right_shoulder"]]
HIPS = [INDEX["left_hip"], INDEX["right_hip"]]
WRIST, INDEX_KNUCKLE, MIDDLE_KNUCKLE, LITTLE_KNUCKLE = 0, 5, 9, 17  # of a hand's 21 joints

# Gaps are measured in reaches: a forearm as it is seen, at least FOREARM torso lengths, because it
# may point at the camera. Of the body height the forearm is 0.146, hips to shoulders 0.288 (Winter,
# Biomechanics and Motor Control of Human Movement, fig. 4.1); the hips that trackers mark lie
# lower than the joints, so that the torso is somewhat longer.
FOREARM = 0.42
SAME_PLACE = 0.25  # two hands are one if their joints are closer on average, in hand sizes
ASTRAY = 0.35  # reaches: a hand that begins farther from the wrist does not continue the arm

# What a hand costs on an arm, and a change from frame to frame. The gap between the wrists, in
# reaches, leads; the others, all bounded, decide where hands are close. They stay below MARGIN
# together, by which an exchange must be better: hands at their own wrists are never moved.
MOST_GAP = 2.0
UNKNOWN_GAP = 0.5  # of an arm without a wrist
BEND = 0.15  # for a hand that points back along the forearm
JUMP, TURN = 0.06, 0.02  # for a hand that jumps a reach, for one that shows its other side
MARGIN = 0.65


def attribute_hands(keypoints: Floats, scores: Floats) -> tuple[Floats, Floats, Flags]:
    """Give every hand to the arm whose wrist it continues; the input is unchanged.

    keypoints (F, P, 133, 2), NaN where missing, and scores (F, P, 133). Returns both, and moved
    (F, P, 133): True for the joints of hands that came from the other arm. What counts: the gap
    between the wrists, the direction of the forearm, and over time the place of a hand and the
    side that it shows. Of two hands in one place the one that its arm does not reach is dropped.
    """
    points, values = keypoints.copy(), scores.copy()
    moved = np.zeros(scores.shape, dtype=bool)
    for person in range(points.shape[1]):
        own, known = points[:, person], values[:, person]
        drop_doubles(own, known)
        exchanged = _best_path(*_costs(own, known))
        left, right = (arm.hand for arm in ARMS)
        for array in (own, known):
            array[exchanged, left], array[exchanged, right] = (
                array[exchanged, right].copy(),
                array[exchanged, left].copy(),
            )
        for arm in ARMS:
            moved[exchanged, person, arm.hand] = known[exchanged, arm.hand] > 0
    return points, values, moved


def reach(keypoints: Floats, arm: Arm) -> Floats:
    """Pixels (...) of keypoints (..., 133, 2); NaN if neither forearm nor torso is known."""
    forearm = _length(keypoints[..., arm.wrist, :] - keypoints[..., arm.elbow, :])
    shoulders, hips = (keypoints[..., pair, :].mean(axis=-2) for pair in (SHOULDERS, HIPS))
    return np.fmax(forearm, FOREARM * _length(shoulders - hips))


def gap(keypoints: Floats, arm: Arm, hand: slice | None = None) -> Floats:
    """From an arm's wrist to that of a hand, its own by default, in reaches (...); or NaN."""
    start = keypoints[..., (hand or arm.hand).start + WRIST, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(
            _length(start - keypoints[..., arm.wrist, :]) / reach(keypoints, arm), np.float64
        )


def extent(hand: Floats) -> Floats:
    """Size (...) of hands (..., 21, 2): twice the way from the middle to the farthest joint."""
    return np.asarray(2 * _length(hand - hand.mean(axis=-2, keepdims=True)).max(axis=-1))


def coincide(hand: Floats, other: Floats) -> Flags:
    """Whether two hands (..., 21, 2) lie on the same hand of the picture."""
    apart = _length(hand - other).mean(axis=-1)
    return np.asarray(apart < SAME_PLACE * np.fmax(extent(hand), extent(other)))


def _length(vectors: Floats) -> Floats:
    return np.asarray(np.linalg.norm(vectors, axis=-1))


def drop_doubles(points: Floats, values: Floats) -> None:
    """Of two hands in one place drop the one away from its arm, in place; (F, 133, 2).

    Hands that touch each other, as in clapping, are both at their wrists and stay.
    """
    double = coincide(*(points[:, arm.hand] for arm in ARMS))
    gaps = np.stack([gap(points, arm) for arm in ARMS], axis=1)
    away = np.nan_to_num(gaps, nan=UNKNOWN_GAP)
    sure = np.stack([values[:, arm.hand].mean(axis=1) for arm in ARMS], axis=1)
    worse = np.argmax(away - sure, axis=1)
    for side, arm in enumerate(ARMS):
        dropped = double & (worse == side) & (away.max(axis=1) > ASTRAY)
        points[dropped, arm.hand], values[dropped, arm.hand] = np.nan, 0.0


def _costs(points: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Costs of keeping and of exchanging the hands: (F, 2), and of each change (F - 1, 2, 2)."""
    hands = np.stack([points[:, arm.hand] for arm in ARMS], axis=1)  # (F, hand, 21, 2)
    present = np.stack([values[:, arm.hand].any(axis=1) for arm in ARMS], axis=1)
    fit = np.stack(
        [[_misfit(points, arm, own.hand) for arm in ARMS] for own in ARMS]
    )  # (hand, arm, F)
    fit = np.where(present.T[:, None], fit, 0.0)
    single = np.stack([fit[0, 0] + fit[1, 1], fit[0, 1] + fit[1, 0] + MARGIN], axis=1)
    size = np.fmax(*(reach(points, arm) for arm in ARMS)).clip(min=1.0)  # pixels
    change = np.zeros((max(len(points) - 1, 0), 2, 2))
    for before in range(2):
        for after in range(2):
            for arm in range(2):
                first, second = hands[:-1, arm ^ before], hands[1:, arm ^ after]
                change[:, before, after] += _unrest(first, second, size[1:])
    return single, change


def _misfit(points: Floats, arm: Arm, hand: slice) -> Floats:
    """How badly (F,) a hand continues an arm."""
    away = np.nan_to_num(gap(points, arm, hand), nan=UNKNOWN_GAP).clip(max=MOST_GAP)
    forearm = points[:, arm.wrist] - points[:, arm.elbow]
    palm = points[:, hand.start + MIDDLE_KNUCKLE] - points[:, hand.start + WRIST]
    bend = (1 - np.nan_to_num(_cosine(forearm, palm), nan=1.0)) / 2
    return np.asarray(away + BEND * bend)


def _unrest(first: Floats, second: Floats, size: Floats) -> Floats:
    """How badly (F,) a hand (F, 21, 2) goes on as another; 0 if either is missing."""
    jump = _length(second[:, WRIST] - first[:, WRIST]) / size
    turn = np.abs(_side_shown(second) - _side_shown(first)) / 2
    return np.asarray(np.nan_to_num(JUMP * jump.clip(max=1.0) + TURN * turn, nan=0.0))


def _side_shown(hand: Floats) -> Floats:
    """From -1 to 1: the palm of one hand or the back of the other, 0 for a hand on edge."""
    index, little = (hand[:, joint] - hand[:, WRIST] for joint in (INDEX_KNUCKLE, LITTLE_KNUCKLE))
    return _cosine(np.stack([-index[:, 1], index[:, 0]], axis=-1), little)


def _cosine(a: Floats, b: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((a * b).sum(axis=-1) / (_length(a) * _length(b)))


def _best_path(single: Floats, change: Floats) -> Flags:
    """The cheaper of two states (F,) in every frame, with the changes in mind (Viterbi)."""
    count = len(single)
    if not count:
        return np.zeros(0, dtype=bool)
    total, came = single[0], np.zeros((count, 2), dtype=np.int64)
    for frame in range(1, count):
        ways = total[:, None] + change[frame - 1]
        came[frame] = ways.argmin(axis=0)
        total = ways.min(axis=0) + single[frame]
    path = np.zeros(count, dtype=np.int64)
    path[-1] = int(total.argmin())
    for frame in range(count - 1, 0, -1):
        path[frame - 1] = came[frame, path[frame]]
    return path.astype(bool)
