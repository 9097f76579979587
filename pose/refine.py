"""From what was seen to a pose that can be drawn: hands, outliers, gaps, jitter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.gaps import fill_gaps, steady_scores
from pose.hands import attribute_hands
from pose.repair import repair
from pose.skeleton import Floats, Mark, clean
from pose.smooth import smooth as calm

# The default strength. On the standard set of scripts/bench_pose_accuracy.py 0.3 takes 65 % of a
# still joint's jitter and adds nothing to the error on fast moves; 0.5 takes 96 % and adds 2 %.
SMOOTH = 0.3


def refine(
    keypoints: Floats, scores: Floats, times: Floats, *, smooth: float = SMOOTH
) -> tuple[Floats, Floats, NDArray[np.uint8]]:
    """Keypoints (F, P, 133, 2), scores and marks (F, P, 133) of Mark; the input is unchanged.

    smooth: 0 leaves every position that was seen and is plausible as it is, 1 is calmest. Hands
    are given to their own arms, exchanged sides put right, outliers replaced, short gaps filled,
    positions smoothed, and scores kept from flickering around the threshold (which leaves no
    mark). Persons are independent of each other.
    """
    points, values, moved = attribute_hands(*clean(keypoints, scores))
    points, values, repaired = repair(points, values, times)
    points, values, filled = fill_gaps(points, values, times)
    points = calm(points, values, times, smooth)
    marks = repaired | filled | np.where(moved, Mark.MOVED, 0).astype(np.uint8)
    return points, steady_scores(values, times), marks
