"""What an estimator got wrong for a moment: left and right exchanged, joints that jump away."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pose.anatomy import HALVES, PARTS, Half, body_size
from pose.gaps import MAX_GAP, bridge
from pose.skeleton import VISIBLE, Floats, Mark

Flags = NDArray[np.bool_]

# Torso lengths for each pair of joints in a half, weighted by their scores: by how much a change
# of sides must make the motion more even. Limbs that really cross gain less than half of it.
CHANGE_COST = 0.3

# A jump is further from the straight line between the frames around it than JUMP torso lengths
# and what ACCELERATION allows in that time, than NOISE times its neighbours' usual distance
# from such a line (Hampel 1974: multiples of a running median), than SPEED times their steps.
JUMP = 0.08
ACCELERATION = 100.0  # torso lengths / s^2; a wrist thrown 1 torso length in 0.24 s reaches it
NOISE = 5.0
SPEED = 1.0
RETURN = 1.5  # and than so many times the distance between the frames around it
LONGEST_JUMP = 2  # frames
LEAST_STEP = 1e-3  # seconds from frame to frame, should a video's times stand still
WINDOW = 15  # frames of the running median


def repair(
    keypoints: Floats, scores: Floats, times: Floats
) -> tuple[Floats, Floats, NDArray[np.uint8]]:
    """Put exchanged sides right and replace joints that jump away and come back.

    keypoints (F, P, 133, 2), NaN = missing, scores (F, P, 133), times (F,) seconds -> the same and
    marks (F, P, 133): Mark.SWAPPED, Mark.OUTLIER. The input is unchanged.
    """
    points, values = keypoints.copy(), scores.copy()
    times = _rising(times)
    marks = np.zeros(scores.shape, np.uint8)
    size = body_size(keypoints)
    for person in np.flatnonzero(size > 0):
        body, trust, mark = points[:, person], values[:, person], marks[:, person]  # views
        for half in HALVES.values():
            frames = swapped_frames(body / size[person], trust, times, half)
            _swap(body, trust, mark, frames, half)
        jumps = outliers(body / size[person], trust, times)
        known = np.isfinite(body).all(axis=-1) & (trust > 0) & ~jumps
        filled, lowered = bridge(body[:, None], trust[:, None], times, known[:, None])
        body[jumps], trust[jumps] = filled[:, 0][jumps], lowered[:, 0][jumps]
        mark[jumps] |= np.uint8(Mark.OUTLIER)
    return points, values, marks


def _rising(times: Floats) -> Floats:
    """Times (F,) of which none is as the one before, as some films have them."""
    steps = np.maximum(np.diff(times), LEAST_STEP)
    return np.concatenate([times[:1], times[:1] + np.cumsum(steps)])


def _swap(
    body: Floats, trust: Floats, mark: NDArray[np.uint8], frames: NDArray[np.int64], half: Half
) -> None:
    """Exchange the sides of a half in some frames, in place, and mark what is there."""
    rows, left, right = frames[:, None], half.mirror[:, 0], half.mirror[:, 1]
    for values in (body, trust):
        values[rows, left], values[rows, right] = values[rows, right], values[rows, left]
    for side in (left, right):
        mark[rows, side] |= np.where(trust[rows, side] > 0, Mark.SWAPPED, 0).astype(np.uint8)


def swapped_frames(body: Floats, trust: Floats, times: Floats, half: Half) -> NDArray[np.int64]:
    """Frames in which the estimator took the left of a half for its right.

    body (F, 133, 2) in torso lengths. The labels are the ones along which the joints move most
    evenly, at CHANGE_COST for every change (Viterbi's algorithm over {keep, change}).
    Continuity tells only where sides change, so in each run without long gaps the labels that
    most frames have are right. Whoever turns round crosses sides evenly and is left alone.
    """
    sides = np.stack([body[:, half.left], body[:, half.right]], axis=2)  # (F, J, 2, 2)
    weights = np.minimum(trust[:, half.left], trust[:, half.right])
    weights = np.where(np.isfinite(sides).all(axis=(2, 3)), weights, 0.0)
    known = np.flatnonzero(weights.any(axis=1))
    if len(known) < 3:
        return np.empty(0, np.int64)
    change = CHANGE_COST * len(half.left)
    runs = np.split(known, np.flatnonzero(np.diff(times[known]) > MAX_GAP) + 1)
    swapped = [
        run[_odd_labels(_unevenness(sides[run], weights[run], times[run]), change)]
        for run in runs
        if len(run) > 2
    ]
    return np.concatenate([np.empty(0, np.int64), *swapped])


def _unevenness(sides: Floats, weights: Floats, times: Floats) -> Floats:
    """Torso lengths (n - 2, 2, 2) by which the middle of three frames is off the line.

    [i, a, b]: with sides changed (a) between the first two of frames i, i + 1, i + 2, and (b)
    between the last two.
    """
    steps = np.diff(times)
    share = (steps[:-1] / (steps[:-1] + steps[1:]))[:, None, None, None]
    trust = np.minimum(np.minimum(weights[:-2], weights[1:-1]), weights[2:])
    sides = np.nan_to_num(sides)
    out = np.empty((len(sides) - 2, 2, 2))
    for a in (0, 1):
        for b in (0, 1):
            first = sides[:-2, :, ::-1] if a else sides[:-2]
            last = sides[2:, :, ::-1] if b else sides[2:]
            off = np.linalg.norm(sides[1:-1] - (1 - share) * first - share * last, axis=-1)
            # Twice the distance: the second difference, where steps are even.
            out[:, a, b] = 2 * (off.sum(axis=-1) * trust).sum(axis=-1)
    return out


def _odd_labels(costs: Floats, change: float) -> Flags:
    """Which of n frames are labelled unlike most, by the cheapest changes; costs (n - 2, 2, 2)."""
    total = np.array([0.0, change])
    came = []
    for cost in costs:
        paths = total[:, None] + cost + np.array([0.0, change])
        came.append(paths.argmin(axis=0))
        total = paths.min(axis=0)
    changes = [int(total.argmin())]
    for best in reversed(came):
        changes.append(int(best[changes[-1]]))
    labels = np.cumsum([0, *reversed(changes)]) % 2 == 1
    return np.asarray(~labels if labels.sum() * 2 > len(labels) else labels)


def outliers(body: Floats, trust: Floats, times: Floats) -> Flags:
    """Which joints (F, K) jump away for at most LONGEST_JUMP frames and come back.

    body (F, K, 2) in torso lengths. Only between frames that show the joint (score > VISIBLE):
    where a hidden joint is guessed to be matters to nobody. Hands and face are found as one: if
    most of a part jumps, all of it does.
    """
    out = np.zeros(trust.shape, bool)
    seen = np.isfinite(body).all(axis=-1) & (trust > 0)
    for joint in np.flatnonzero((trust > VISIBLE).sum(axis=0) > 3):
        frames = np.flatnonzero(seen[:, joint])
        shown = trust[frames, joint] > VISIBLE
        path = body[frames, joint]
        for length in range(1, LONGEST_JUMP + 1):
            starts = _jumps(path, shown, times[frames], length)
            for offset in range(length):
                out[frames[starts + offset], joint] = True
    for part in PARTS:
        most = 2 * out[:, part.joints].sum(axis=1) > seen[:, part.joints].sum(axis=1)
        out[:, part.joints] |= most[:, None] & seen[:, part.joints]
    return out


def _jumps(path: Floats, shown: Flags, times: Floats, length: int) -> NDArray[np.int64]:
    """Where runs of `length` frames start in which a path (n, 2) is off and comes back."""
    last = len(path) - length - 1  # first frames of the possible runs are 1 .. last
    if last < 1:
        return np.empty(0, np.int64)
    start = np.arange(1, last + 1)
    a, b = path[start - 1], path[start + length]
    before, after = times[start - 1], times[start + length]
    step = np.linalg.norm(np.diff(path, axis=0), axis=-1)
    outer = np.maximum(step[np.maximum(start - 2, 0)] * (start > 1),
                       np.append(step, 0.0)[start + length])  # fmt: skip
    around = np.linalg.norm(b - a, axis=-1)
    jumped = shown[start - 1] & shown[start + length]
    distance = np.empty((length, last))
    for offset in range(length):
        now = times[start + offset]
        share = ((now - before) / (after - before))[:, None]
        off = np.linalg.norm(path[start + offset] - a - share * (b - a), axis=-1)
        reach = JUMP + ACCELERATION / 2 * (now - before) * (after - now)
        jumped &= off > np.maximum(reach + SPEED * outer, RETURN * around)
        distance[offset] = off
    if jumped.any():
        usual = NOISE * _running_median(_off_line(path, times))
        for offset, off in enumerate(distance):
            jumped &= off > usual[start + offset]
    return np.asarray(start[jumped])


def _off_line(path: Floats, times: Floats) -> Floats:
    """How far each of n points is off the line between its neighbours in time; ends repeat."""
    share = ((times[1:-1] - times[:-2]) / (times[2:] - times[:-2]))[:, None]
    off = np.linalg.norm(path[1:-1] - (1 - share) * path[:-2] - share * path[2:], axis=-1)
    return np.pad(off, 1, mode="edge")


def _running_median(values: Floats) -> Floats:
    wide = np.pad(values, WINDOW // 2, mode="reflect" if len(values) > WINDOW else "edge")
    return np.asarray(np.median(sliding_window_view(wide, WINDOW), axis=-1))
