"""Left and right that a tracker exchanged in a frame, told by the motion that was asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.anatomy import HALVES, Half

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

GAIN = 0.1  # torso lengths a joint by which an exchange must fit better


def undo_swaps(points: Floats, expected: Floats, unit: float) -> tuple[Floats, Flags]:
    """Exchange sides back where that fits far better: the points, and in which frames.

    points and expected (F, 133, 2) in the same pixels, NaN where missing; unit is the torso length
    in pixels. Arms with hands, legs with feet, and the head are decided each on its own.
    """
    points = points.copy()
    swapped = np.zeros(len(points), dtype=bool)
    for half in HALVES.values():
        frames = np.flatnonzero(_gain(points, expected, half) > GAIN * unit)
        rows, left, right = frames[:, None], half.mirror[:, 0], half.mirror[:, 1]
        points[rows, left], points[rows, right] = points[rows, right], points[rows, left]
        swapped[frames] = True
    return points, swapped


def _gain(points: Floats, expected: Floats, half: Half) -> Floats:
    """By how many pixels a joint (F,) the exchanged half is nearer to what is expected."""
    sides = np.stack([points[:, half.left], points[:, half.right]], axis=1)  # (F, 2, J, 2)
    wanted = np.stack([expected[:, half.left], expected[:, half.right]], axis=1)
    kept = np.linalg.norm(sides - wanted, axis=-1)
    exchanged = np.linalg.norm(sides[:, ::-1] - wanted, axis=-1)
    known = np.isfinite(kept) & np.isfinite(exchanged)
    gain = np.where(known, kept - exchanged, 0.0).sum(axis=(1, 2))
    return np.asarray(gain / np.maximum(known.sum(axis=(1, 2)), 1))
