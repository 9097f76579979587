"""From what was seen to a pose that can be drawn: hands, outliers, gaps, jitter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.skeleton import Floats, Mark
from pose.smooth import fill_gaps

SMOOTH = 0.5  # the default strength


def refine(
    keypoints: Floats, scores: Floats, times: Floats, *, smooth: float = SMOOTH
) -> tuple[Floats, Floats, NDArray[np.uint8]]:
    """Keypoints (F, P, 133, 2), scores and marks (F, P, 133) of Mark; the input is unchanged.

    smooth: 0 leaves every position as it was seen, 1 is calmest.
    """
    marks = np.zeros(scores.shape, np.uint8)
    found = (scores > 0).any(axis=(1, 2))
    keypoints, scores = fill_gaps(keypoints, scores, found, times)
    marks[~found] = np.where(scores[~found] > 0, Mark.FILLED, 0)
    return keypoints, scores, marks
