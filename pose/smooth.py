"""Calm positions without lag: still joints stop trembling, fast moves stay as they are.

The estimate of a joint's path x(t) from what was seen, y(t) with confidence c(t), minimises

    integral c |x - y|^2 dt + tau^4 integral g |x''|^2 dt,  g = (1 + (|x''| / ACCELERATION)^2)^-1.5

found by solving the linear problem for fixed g a few times. It is what a Kalman smoother (Rauch,
Tung and Striebel 1965) returns for a point under random acceleration whose process noise grows
with the acceleration found, written as one banded system (Whittaker 1923; Eilers 2003): both
directions of time count the same, so nothing lags. Chosen by scripts/bench_smoothing.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.anatomy import PARTS, body_size
from pose.gaps import MAX_GAP, around, bridge
from pose.skeleton import Floats, clean

TAU = 0.1  # seconds at strength 1; a wiggle of a still joint with period 2 pi TAU is halved
ACCELERATION = 4.2  # torso lengths / s^2; a joint that accelerates faster moves on purpose
SHARPNESS = -1.5  # how sudden what is faster is let go
REACH = 0.05  # seconds before and after a fast frame that count as fast as well
ROUNDS = 5  # more let the noise of bad trackers count as moves
LEAST_TRUST = 0.05  # of a joint with a score near 0: hidden, but not worthless
NO_TRUST = 1e-6  # of a missing sample: enough to keep the system solvable
SHORTEST_STEP = 1e-3  # seconds; frames that claim to be closer are not


def smooth(keypoints: Floats, scores: Floats, times: Floats, strength: float) -> Floats:
    """Keypoints (F, P, 133, 2) without tremble; the input is unchanged.

    scores (F, P, 133) in [0, 1] are the trust in each position, times (F,) seconds, rising.
    strength 0 returns the positions bit for bit, 1 is calmest. A missing sample (not finite, or
    score 0) stays as it is and spreads to no other; each run between gaps longer than MAX_GAP
    is smoothed on its own. Fingers, face and feet are smoothed relative to palm, nose and ankle,
    so that a waving hand keeps its shape. Raises ValueError if strength is outside [0, 1].
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"expected a strength from 0 to 1, got {strength}")
    size = body_size(clean(keypoints, scores)[0])
    if strength == 0 or len(times) < 3 or not size.any():
        return keypoints.copy()
    points, trust = clean(keypoints, scores)
    seen = trust > 0
    tau = TAU * strength**0.5
    unit = np.where(size > 0, size, 1.0)[:, None, None]
    carried = _carriers(points, seen, times, unit, tau)
    calm = carried + _calm((points - carried) / unit, trust, seen, times, tau) * unit
    return np.where((seen & (size > 0)[:, None])[..., None], calm, keypoints)


def _carriers(
    points: Floats, seen: NDArray[np.bool_], times: Floats, unit: Floats, tau: float
) -> Floats:
    """Where the part of each keypoint is, calm (F, P, K, 2); 0 for what stands on its own."""
    cores = [points[:, :, part.core].mean(axis=2) for part in PARTS]  # NaN if any is missing
    core = np.stack(cores, axis=2)
    known = np.isfinite(core).all(axis=-1)
    path = _calm(core / unit, np.ones(known.shape), known, times, tau) * unit
    path, _ = bridge(path, np.ones(known.shape), times, known)
    out = np.zeros_like(points)
    for number, part in enumerate(PARTS):
        out[:, :, part.joints] = np.nan_to_num(path[:, :, [number]])
    return out


def _calm(
    points: Floats, trust: Floats, seen: NDArray[np.bool_], times: Floats, tau: float
) -> Floats:
    """Smoothed paths of (F, P, K, 2) in torso lengths; what is not seen is arbitrary."""
    out = points.copy()
    used = seen.sum(axis=0) > 2
    filled, _ = bridge(points[:, used], trust[:, used], times, seen[:, used])
    steps = np.maximum(np.diff(times), SHORTEST_STEP)
    share = (np.append(steps, 0) + np.append(0, steps)) / 2  # of the time, for each frame
    lost = _lost(seen[:, used], times)
    weights = np.where(seen[:, used], np.maximum(trust[:, used], LEAST_TRUST), NO_TRUST)
    weights = np.where(lost, 1.0, weights) * share[:, None]
    bound = ~(lost[:-2] | lost[1:-1] | lost[2:])
    bound &= (np.maximum(steps[:-1], steps[1:]) <= MAX_GAP)[:, None]
    stiffness = tau**4 * bound * share[1:-1, None]
    reach = max(1, round(REACH / float(np.median(steps))))
    ease = np.ones(stiffness.shape)
    for _ in range(ROUNDS):
        path = _solve(filled, weights, stiffness * ease, steps)
        bend = _fastest(_acceleration(path, steps), bound, reach)
        ease = (1 + (bend / ACCELERATION) ** 2) ** SHARPNESS
    out[:, used] = path
    return out


def _lost(seen: NDArray[np.bool_], times: Floats) -> NDArray[np.bool_]:
    """Frames of long gaps and beyond the ends, across which nothing is bound together."""
    before, after = around(seen)
    last = len(times) - 1
    outside = (before < 0) | (after > last)
    span = times[after.clip(0, last)] - times[before.clip(0, last)]
    return np.asarray(~seen & (outside | (span > MAX_GAP)))


def _curvature(steps: Floats) -> tuple[Floats, Floats, Floats]:
    """Factors of three neighbours whose sum is the second derivative, for uneven steps."""
    left = 2 / (steps[:-1] * (steps[:-1] + steps[1:]))
    right = 2 / (steps[1:] * (steps[:-1] + steps[1:]))
    return left, -(left + right), right


def _acceleration(path: Floats, steps: Floats) -> Floats:
    left, middle, right = (factor[:, None, None] for factor in _curvature(steps))
    return np.asarray(
        np.linalg.norm(left * path[:-2] + middle * path[1:-1] + right * path[2:], axis=-1)
    )


def _fastest(values: Floats, bound: NDArray[np.bool_], reach: int) -> Floats:
    """The maximum over `reach` frames on both sides, as far as they are bound together."""
    out = np.where(bound, values, 0.0)
    for _ in range(reach):
        wide = np.pad(out, ((1, 1), (0, 0)), mode="edge")
        out = np.where(bound, np.maximum(np.maximum(wide[:-2], wide[1:-1]), wide[2:]), 0.0)
    return out


def _solve(points: Floats, weights: Floats, stiffness: Floats, steps: Floats) -> Floats:
    """Minimise sum w |x - y|^2 + sum s |x''|^2 for every column at once.

    points (F, N, 2), weights (F, N), stiffness (F - 2, N). The normal equations have five
    diagonals and are solved by an LDL^T factorisation in one pass forth and one back.
    """
    left, middle, right = (factor[:, None] for factor in _curvature(steps))
    diagonal, first, second = weights.copy(), np.zeros_like(weights), np.zeros_like(weights)
    diagonal[:-2] += stiffness * left**2
    diagonal[1:-1] += stiffness * middle**2
    diagonal[2:] += stiffness * right**2
    first[1:-1] += stiffness * left * middle  # row i holds the entry (i, i - 1)
    first[2:] += stiffness * middle * right
    second[2:] += stiffness * left * right  # and (i, i - 2)
    path = np.ascontiguousarray(np.moveaxis(points * weights[..., None], 2, 1))
    d, f, s, x = list(diagonal), list(first), list(second), list(path)  # rows: quicker to reach
    for i in range(1, len(x)):
        if i > 1:
            factor = s[i] / d[i - 2]
            d[i] -= factor * s[i]
            f[i] -= s[i] * f[i - 1]
            x[i] -= factor * x[i - 2]
            s[i] = factor
        factor = f[i] / d[i - 1]
        d[i] -= factor * f[i]
        x[i] -= factor * x[i - 1]
        f[i] = factor
    path /= diagonal[:, None]
    for i in range(len(x) - 2, -1, -1):
        x[i] -= f[i + 1] * x[i + 1]
        if i + 2 < len(x):
            x[i] -= s[i + 2] * x[i + 2]
    return np.moveaxis(path, 1, 2)
