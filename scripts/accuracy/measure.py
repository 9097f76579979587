"""Tracked poses against the truth: errors, detection, jitter, fast moves, mixed-up sides.

Definitions, all per frame and joint, averaged over what they apply to:
torso: length in pixels from the middle of the shoulders to the middle of the hips.
hand length: wrist, middle knuckle and the three bones of the middle finger, in pixels at the
    hand's distance, as if it were seen flat.
body error: distance to the true joint in torso lengths, over shoulders, elbows, wrists, hips,
    knees and ankles inside the picture, hidden or not; head and feet are reported apart.
visible hand: all 21 joints inside the picture, at least LEAST_HAND pixels long, the palm seen at
    no less than FORESHORTENED of its length (otherwise it points at the camera or away from it),
    and not hidden: three quarters of its joints lie on pixels of a hand and not behind the other.
found hand: reported, with a mean error below half a hand length.
hand and fingertip error: over the visible hands that were found, in hand lengths. Fingertips
    count as hidden, and are reported apart, if a bone of a hand passes at least FINGER before
    them and less than FINGER beside them.
mixed-up sides: of the frames in which both of a pair were seen, those in which exchanging left and
    right would fit better (limb pairs more than a quarter torso apart), or a hand that lies on the
    other hand.
still joint: the truth stays within STILL torso lengths over five frames. Jitter is the root
    mean square of its second difference, in torso lengths a frame squared.
fast joint: the truth moves faster than FAST torso lengths a second; body and hands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose import PoseSequence
from pose.skeleton import BODY, COUNT, FACE, INDEX, LEFT_HAND, RIGHT_HAND, VISIBLE

from .films import Truth
from .shots import Floats

Flags = NDArray[np.bool_]

LEAST_HAND = 20.0
FORESHORTENED = 0.6
UNHIDDEN = 0.75
FINGER = 0.012  # metres
FOUND = 0.5
STILL = 0.002
FAST = 2.5
HAND_PART = 2  # of the renderer's part numbers
TIPS = np.array([4, 8, 12, 16, 20])
BONES = np.array(
    [(first + i, first + i + 1) for first in range(1, 21, 4) for i in range(3)]
    + [(0, 1), (0, 5), (0, 9), (0, 13), (0, 17), (5, 9), (9, 13), (13, 17)]
)
MIDDLE_FINGER = np.array([0, 9, 10, 11, 12])
PAIRS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
GROUPS = {
    "head": np.arange(5),
    **{f"{name}s": np.array([INDEX[f"left_{name}"], INDEX[f"right_{name}"]]) for name in PAIRS},
    "feet": np.array([INDEX[f"{s}_{p}"] for s in ("left", "right") for p in ("big_toe", "heel")]),
}
LIMBS = np.concatenate([GROUPS[f"{name}s"] for name in PAIRS])
MOVERS = np.concatenate([LIMBS, np.arange(LEFT_HAND.start, RIGHT_HAND.stop)])
CALM = np.concatenate([np.arange(BODY.stop), np.arange(LEFT_HAND.start, RIGHT_HAND.stop)])


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Single values of one clip or many, one list a figure; `joined` adds clips up."""

    values: dict[str, Floats]

    @classmethod
    def joined(cls, parts: list[Samples]) -> Samples:
        names = {name: None for part in parts for name in part.values}
        empty = np.empty(0)
        return cls(
            values={
                name: np.concatenate([part.values.get(name, empty) for part in parts])
                for name in names
            }
        )

    def mean(self, name: str) -> float:
        """The mean of a figure; NaN where there is none."""
        found = self.values.get(name, np.empty(0))
        return float(found.mean()) if len(found) else float("nan")

    def rms(self, name: str) -> float:
        found = self.values.get(name, np.empty(0))
        return float(np.sqrt((found**2).mean())) if len(found) else float("nan")


def measure(seen: PoseSequence, truth: Truth) -> Samples:
    """Every figure of one clip, from its first person."""
    count = len(truth.pixels)
    points, scores = np.full((count, COUNT, 2), np.nan), np.zeros((count, COUNT))
    frames = min(count, len(seen)) if seen.people else 0
    points[:frames], scores[:frames] = seen.keypoints[:frames, 0], seen.scores[:frames, 0]
    known = scores > 0
    error = np.linalg.norm(points - truth.pixels, axis=-1) / _torso(truth)[:, None]
    inside = _inside(truth)
    values: dict[str, Floats] = {
        "body found": (scores[:, BODY] > VISIBLE).sum(axis=1) > 8,
        "face found": (scores[:, FACE] > VISIBLE).mean(axis=1) > 0.5,
        "body": error[:, LIMBS][(known & inside)[:, LIMBS]],
    }
    for name, joints in GROUPS.items():
        values[name] = error[:, joints][(known & inside)[:, joints]]
    values |= _hands(points, scores, truth) | _sides(points, known, truth)
    values |= _motion(points, known & inside, error, truth)
    return Samples(values={name: np.asarray(v, dtype=np.float64) for name, v in values.items()})


def _torso(truth: Truth) -> Floats:
    """(F,) pixels."""
    middle = [truth.pixels[:, GROUPS[name]].mean(axis=1) for name in ("shoulders", "hips")]
    return np.asarray(np.linalg.norm(middle[0] - middle[1], axis=-1))


def _inside(truth: Truth) -> Flags:
    return np.asarray(((truth.pixels >= 0) & (truth.pixels < truth.size)).all(axis=-1))


def hand_length(truth: Truth, part: slice) -> Floats:
    """(F,) pixels of a hand seen flat."""
    chain = truth.metres[:, part][:, MIDDLE_FINGER]
    metres = np.linalg.norm(np.diff(chain, axis=1), axis=-1).sum(axis=1)
    return np.asarray(metres * truth.scale[:, part][:, 0])


def visible_hand(truth: Truth, part: slice, other: slice) -> Flags:
    """(F,) whether a hand can be asked for, see above."""
    length = hand_length(truth, part)
    palm = np.linalg.norm(np.diff(truth.pixels[:, part][:, [0, 9]], axis=1)[:, 0], axis=-1)
    bone = np.linalg.norm(np.diff(truth.metres[:, part][:, [0, 9]], axis=1)[:, 0], axis=-1)
    flat = palm >= FORESHORTENED * bone * truth.scale[:, part][:, 0]
    mine, its = truth.pixels[:, part, None], truth.pixels[:, None, other]
    near = np.linalg.norm(mine - its, axis=-1) < 0.15 * length[:, None, None]
    behind = truth.metres[:, part, 2][:, :, None] < truth.metres[:, other, 2][:, None]
    shown = (truth.parts[:, part] == HAND_PART) & ~(near & behind).any(axis=2)
    whole = _inside(truth)[:, part].all(axis=1)
    return np.asarray(whole & flat & (length >= LEAST_HAND) & (shown.mean(axis=1) >= UNHIDDEN))


def shown_tips(truth: Truth, part: slice, other: slice) -> Flags:
    """(F, 5) whether no bone of a hand lies before a fingertip."""
    along = np.linspace(0, 1, 5)[:, None]
    tips = truth.metres[:, part][:, TIPS, None]
    before = np.zeros(tips.shape[:2], dtype=bool)
    for hand in (truth.metres[:, part], truth.metres[:, other]):
        start, end = hand[:, BONES[:, :1]], hand[:, BONES[:, 1:]]  # (F, bones, 1, 3)
        bones = (start + (end - start) * along).reshape(len(hand), 1, -1, 3)
        beside = np.linalg.norm((bones - tips)[..., :2], axis=-1) < FINGER
        before |= (beside & ((bones - tips)[..., 2] > FINGER)).any(axis=-1)
    return ~before


def _hands(points: Floats, scores: Floats, truth: Truth) -> dict[str, Floats]:
    values: dict[str, list[Floats]] = {
        name: []
        for name in ("hand", "fingertips", "hidden fingertips", "hands found", "hidden hands")
    }
    for side, part, other in (
        ("left", LEFT_HAND, RIGHT_HAND),
        ("right", RIGHT_HAND, LEFT_HAND),
    ):
        length = hand_length(truth, part)[:, None]
        error = np.linalg.norm(points[:, part] - truth.pixels[:, part], axis=-1) / length
        reported = (scores[:, part] > VISIBLE).mean(axis=1) > 0.5
        visible = visible_hand(truth, part, other)
        found = reported & (np.nan_to_num(error, nan=np.inf).mean(axis=1) < FOUND)
        values[f"{side} hand found"] = [found[visible].astype(float)]
        values["hands found"].append(found[visible].astype(float))
        values["hand"].append(error[visible & found].ravel())
        tips, shown = error[visible & found][:, TIPS], shown_tips(truth, part, other)
        values["fingertips"].append(tips[shown[visible & found]])
        values["hidden fingertips"].append(tips[~shown[visible & found]])
        gone = ~(truth.parts[:, part] == HAND_PART).any(axis=1)
        values["hidden hands"].append(reported[gone].astype(float))
    return {name: np.concatenate(parts) for name, parts in values.items()}


def _sides(points: Floats, known: Flags, truth: Truth) -> dict[str, Floats]:
    torso, mixed = _torso(truth), []
    for name in PAIRS:
        pair = GROUPS[f"{name}s"]
        right = np.linalg.norm(points[:, pair] - truth.pixels[:, pair], axis=-1).sum(axis=1)
        wrong = np.linalg.norm(points[:, pair[::-1]] - truth.pixels[:, pair], axis=-1).sum(axis=1)
        apart = np.linalg.norm(np.diff(truth.pixels[:, pair], axis=1)[:, 0], axis=-1)
        judged = known[:, pair].all(axis=1) & (apart > 0.25 * torso)
        mixed.append((wrong < right)[judged].astype(float))
    for part, other in ((LEFT_HAND, RIGHT_HAND), (RIGHT_HAND, LEFT_HAND)):
        length = hand_length(truth, part)
        own, its = (
            np.linalg.norm(points[:, part] - truth.pixels[:, p], axis=-1).mean(axis=1)
            for p in (part, other)
        )
        apart = np.linalg.norm(
            truth.pixels[:, part].mean(axis=1) - truth.pixels[:, other].mean(axis=1), axis=-1
        )
        judged = known[:, part].all(axis=1) & (apart > length)
        mixed.append((its < np.minimum(own, length))[judged].astype(float))
    return {"mixed-up sides": np.concatenate(mixed)}


def _motion(points: Floats, usable: Flags, error: Floats, truth: Truth) -> dict[str, Floats]:
    torso = _torso(truth)[:, None]
    windows = np.lib.stride_tricks.sliding_window_view(truth.pixels, 5, axis=0)
    span = np.linalg.norm(np.ptp(windows, axis=-1), axis=-1) / torso[2:-2]
    second = np.linalg.norm(points[1:-3] - 2 * points[2:-2] + points[3:-1], axis=-1) / torso[2:-2]
    seen = usable[1:-3] & usable[2:-2] & usable[3:-1]
    calm = (span < STILL) & seen
    speed = np.linalg.norm(truth.pixels[2:] - truth.pixels[:-2], axis=-1) / torso[1:-1]
    fast = (speed / 2 * truth.fps > FAST) & usable[1:-1]
    return {
        "jitter": second[:, CALM][calm[:, CALM]],
        "fast moves": error[1:-1][:, MOVERS][fast[:, MOVERS]],
    }
