"""Strength and direction of edges -> ridges one pixel wide. Pure."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

STEP = 1.0  # pixels to both sides of a ridge at which it must be no higher


def suppress(strength: Floats, across: tuple[Floats, Floats], slack: float = 1.0) -> Floats:
    """The strength (H, W) where it is highest across the edge, 0 elsewhere.

    across: the x and y of unit vectors (H, W) at right angles to the edges. slack: factor above 1
    that lets a ridge pass which is a little lower than its neighbours. Canny, "A computational
    approach to edge detection", PAMI 1986, section VIII, with interpolated neighbours.
    """
    height, width = strength.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    ridge = np.ones(strength.shape, bool)
    for side in (-STEP, STEP):
        beside = cv2.remap(
            strength,
            x + side * across[0],
            y + side * across[1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        ridge &= strength * slack >= beside
    return np.where(ridge, strength, 0).astype(np.float32)


def across_of(strength: Floats, sigma: float = 2.0) -> tuple[Floats, Floats]:
    """Unit vectors across the ridges of a map (H, W), from its blurred second derivatives.

    Piotr Dollar's edgesNms (github.com/pdollar/edges, edgesNmsMex.cpp) finds them alike.
    """
    smooth = cv2.GaussianBlur(strength, (0, 0), sigma)
    xx = cv2.Sobel(smooth, cv2.CV_32F, 2, 0)
    yy = cv2.Sobel(smooth, cv2.CV_32F, 0, 2)
    xy = cv2.Sobel(smooth, cv2.CV_32F, 1, 1)
    # The direction of the strongest curvature, an eigenvector of the Hessian: downward on a
    # ridge, upward on its flanks, which must be compared with it as well.
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.where(xx + yy > 0, 0, np.pi / 2)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
