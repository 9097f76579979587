"""What is missing for a moment is filled; what is missing for longer is named.

All functions are pure and treat every joint of every person on its own, except that hands, face
and feet travel with the joint that carries them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.anatomy import PARTS
from pose.skeleton import VISIBLE, Floats, Mark

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

# Seconds. Our choice: in half a second a limb makes at most one stroke, which a straight line
# still resembles; a held end is a guess without a second witness.
MAX_GAP = 0.5  # from the last frame that shows a joint to the next one
MAX_END = 0.2  # before the first, after the last one
BLINK = 0.13  # from before to after: nothing is hidden, and nothing shown, for so short
# Scores of a joint that is doubtful rather than hidden: estimators waver around the threshold.
DOUBTFUL = (0.2, 0.5)
FILLED_TRUST = 0.8  # how much of the score above the threshold is left where a joint was filled


def fill_gaps(
    keypoints: Floats, scores: Floats, times: Floats
) -> tuple[Floats, Floats, NDArray[np.uint8]]:
    """Fill short gaps and name long ones; the input is unchanged.

    keypoints (F, P, 133, 2), scores (F, P, 133), times (F,) seconds -> the same and marks (F, P,
    133). A joint without a position or with score 0 is missing. Missing for at most MAX_GAP it is
    interpolated linearly in time, and held for at most MAX_END before it is first and after it
    is last seen: Mark.FILLED. Hands, face and feet follow the joint that carries them while
    their shape is blended. A longer gap stays (NaN, score 0): Mark.GAP. A joint that is never
    seen is missing without a mark, and one with a low score is kept: estimators see it hidden.
    """
    seen = np.isfinite(keypoints).all(axis=-1) & (scores > 0)
    points = np.where(seen[..., None], keypoints, np.nan)
    before, after = around(seen)
    short = ~seen & _is_short(before, after, times)
    filled, values = bridge(points, scores, times, seen)
    points = np.where(short[..., None], filled, points)
    for part in PARTS:
        carrier = points[:, :, [part.carrier]]
        offsets, _ = bridge(
            points[:, :, part.joints] - carrier, scores[:, :, part.joints], times,
            seen[:, :, part.joints] & np.isfinite(carrier).all(axis=-1),
        )  # fmt: skip
        carried = offsets + carrier
        use = short[:, :, part.joints] & np.isfinite(carried).all(axis=-1)
        points[:, :, part.joints] = np.where(use[..., None], carried, points[:, :, part.joints])
    marks = np.where(short, Mark.FILLED, 0).astype(np.uint8)
    marks[~seen & ~short & seen.any(axis=0)] = Mark.GAP
    return points, np.where(short, values, np.where(seen, scores, 0.0)), marks


def steady_scores(scores: Floats, times: Floats) -> Floats:
    """Scores (F, P, K) whose joints do not blink; the input is unchanged, positions play no part.

    A joint that is hidden (score <= VISIBLE) between two frames that show it is shown as well if
    these are at most BLINK apart, or at most MAX_GAP while it never is less than doubtful. One
    that is shown for at most BLINK between two frames that hide it, and never more than
    doubtful, is hidden as well. Missing joints (score 0) are neither. Symmetric in time.
    """
    out = _lifted(scores, times)
    shown, missing = out > VISIBLE, out <= 0
    before, after = around(~shown & ~missing)
    brief = _span(before, after, times) <= BLINK
    blip = shown & brief & ~_between(missing | (out > DOUBTFUL[1]), before, after)
    return np.where(blip, VISIBLE, out)


def _lifted(scores: Floats, times: Floats) -> Floats:
    shown, missing = scores > VISIBLE, scores <= 0
    before, after = around(shown)
    span = _span(before, after, times)
    doubtful = (span <= MAX_GAP) & ~_between(scores < DOUBTFUL[0], before, after)
    dip = ~shown & ~_between(missing, before, after) & ((span <= BLINK) | doubtful)
    _, blended = _blend(scores[..., None], scores, times, before, after)
    return np.where(dip, blended, scores)


def around(flags: Flags) -> tuple[Numbers, Numbers]:
    """For every entry of flags (F, ...) the flagged frame at or before it, and at or after it.

    -1 and F stand for none.
    """
    frames = len(flags)
    numbers = np.arange(frames).reshape(-1, *[1] * (flags.ndim - 1))
    before = np.maximum.accumulate(np.where(flags, numbers, -1), axis=0)
    after = np.minimum.accumulate(np.where(flags, numbers, frames)[::-1], axis=0)[::-1]
    return before, after


def bridge(points: Floats, scores: Floats, times: Floats, known: Flags) -> tuple[Floats, Floats]:
    """Positions and lowered scores of what is not known (F, P, K) from the known frames around.

    Linear in time, held at the ends, NaN and 0 where no frame is known; the rest as it came.
    """
    before, after = around(known)
    blended, values = _blend(points, scores, times, before, after)
    lowered = FILLED_TRUST * values
    lowered = np.where(values > VISIBLE, VISIBLE + FILLED_TRUST * (values - VISIBLE), lowered)
    return np.where(known[..., None], points, blended), np.where(known, scores, lowered)


def _blend(
    points: Floats, scores: Floats, times: Floats, before: Numbers, after: Numbers
) -> tuple[Floats, Floats]:
    """What lies between two frames of each entry, linearly in time; NaN and 0 without any."""
    frames = len(times)
    none = (before < 0) & (after >= frames)
    first = np.where(before < 0, after, before).clip(0, frames - 1)
    last = np.where(after >= frames, before, after).clip(0, frames - 1)
    span = times[last] - times[first]
    now = times.reshape(-1, *[1] * (first.ndim - 1))
    weight = np.divide(now - times[first], span, out=np.zeros(span.shape), where=span > 0)
    values = _mix(scores, first, last, weight)
    places = _mix(points, first[..., None], last[..., None], weight[..., None])
    return np.where(none[..., None], np.nan, places), np.where(none, 0.0, values)


def _mix(values: Floats, first: Numbers, last: Numbers, weight: Floats) -> Floats:
    start = np.take_along_axis(values, first, axis=0)
    return np.asarray(start + weight * (np.take_along_axis(values, last, axis=0) - start))


def _span(before: Numbers, after: Numbers, times: Floats) -> Floats:
    """Seconds between the frames around; infinite where one of them is missing."""
    frames = len(times)
    inside = (before >= 0) & (after < frames)
    seconds = times[after.clip(0, frames - 1)] - times[before.clip(0, frames - 1)]
    return np.where(inside, seconds, np.inf)


def _is_short(before: Numbers, after: Numbers, times: Floats) -> Flags:
    frames = len(times)
    opening = (before < 0) & (times[after.clip(0, frames - 1)] - times[0] <= MAX_END)
    ending = (after >= frames) & (times[-1] - times[before.clip(0, frames - 1)] <= MAX_END)
    known = (before >= 0) | (after < frames)
    short = _span(before, after, times) <= MAX_GAP
    return np.asarray(known & (short | opening | ending))


def _between(flags: Flags, before: Numbers, after: Numbers) -> Flags:
    """Whether a flagged frame lies strictly between the frames around each entry."""
    last, following = around(flags)
    return np.asarray((last > before) | (following < after))
