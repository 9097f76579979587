"""Repair of keypoint sequences: gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def fill_gaps(
    keypoints: Floats, scores: Floats, found: Flags, times: Floats
) -> tuple[Floats, Floats]:
    """Give frames without a person the pose between their neighbours; the input is unchanged.

    keypoints (F, P, K, 2), NaN = missing; scores (F, P, K); found (F,) marks the frames that have
    a person, at least one; times (F,) seconds. Gaps are interpolated linearly in time, both
    ends are held. A keypoint that only one neighbour has is taken over from the nearer one.
    """
    known = np.flatnonzero(found)
    if not len(known):
        raise ValueError("expected at least one frame with a person")
    points, values = keypoints.copy(), scores.copy()
    for frame in np.flatnonzero(~found):
        after = int(np.searchsorted(known, frame))
        first = int(known[max(after - 1, 0)])
        last = int(known[min(after, len(known) - 1)])
        span = times[last] - times[first]
        weight = (times[frame] - times[first]) / span if span > 0 else 0.0
        blend = (1 - weight) * keypoints[first] + weight * keypoints[last]
        score = (1 - weight) * scores[first] + weight * scores[last]
        nearer = first if weight <= 0.5 else last
        both = np.isfinite(blend).all(axis=-1)
        points[frame] = np.where(both[..., None], blend, keypoints[nearer])
        values[frame] = np.where(both, score, scores[nearer])
    return points, values
