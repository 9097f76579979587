"""Canny's edges: white lines of one pixel on black."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]  # (H, W, 3) RGB

# Canny's thresholds as parts of the median brightness, the usual rule of thumb (a third around
# it), and their bounds, of 255: dark and bright pictures have edges too.
CANNY_LOW, CANNY_HIGH, CANNY_BOUNDS = 0.67, 1.33, (20.0, 220.0)


def canny(picture: Frame, low: float | None = None, high: float | None = None) -> Frame:
    """White edges on black, (H, W, 3) of (H, W, 3); thresholds not given follow the brightness.

    Canny, "A computational approach to edge detection", PAMI 1986.
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (3, 3), 0)
    middle = float(np.median(grey))
    usual = np.clip([CANNY_LOW * middle, CANNY_HIGH * middle], *CANNY_BOUNDS)
    least = float(usual[0]) if low is None else low
    most = float(max(usual[1], least + 1)) if high is None else high
    edges = np.asarray(cv2.Canny(grey, min(least, most), most), dtype=np.uint8)
    return np.repeat(edges[..., None], 3, axis=2)
