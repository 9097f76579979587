"""Where one figure's motion lies in another's picture: a scale and a shift for each axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_JOINTS = 4  # that a frame must show in both pictures to enter the rough fit
LEAST_SPREAD = 1.0  # pixels; a narrower figure says nothing about the scale of an axis
MOST_STRETCH = 2.0  # of one axis beside the other, and of the fine fit beside the rough one
ROUNDS = 15
TUKEY = 4.685  # reach of the biweight in standard deviations: 95 % efficient on normal errors
NORMAL = 1.4826  # standard deviations in a median absolute deviation of normal errors
LEAST_ERROR = 0.5  # pixels of a median error: below, trackers' rounding counts


@dataclass(frozen=True, eq=False)
class Fit:
    """target = source * scale + shift, both (2,) as (x, y)."""

    scale: Floats
    shift: Floats

    def __call__(self, points: Floats) -> Floats:
        """Where points (..., 2) of the source lie in the target's picture."""
        placed: Floats = points * self.scale + self.shift
        return placed


def rough_fit(source: Floats, target: Floats, seen: Flags) -> Fit | None:
    """By the middle and the spread of each frame's joints, which exchanged sides do not change.

    source and target (F, J, 2) in pixels of their pictures, seen (F, J) where both are known.
    None if no frame shows LEAST_JOINTS joints.
    """
    frames = seen.sum(axis=1) >= LEAST_JOINTS
    if not frames.any():
        return None
    middles, spreads = [], []
    for points in (source, target):
        some = np.where(seen[..., None], points, np.nan)[frames]
        middles.append(np.nanmean(some, axis=1))
        spreads.append(np.nanstd(some, axis=1))
    scale = _ratio(*spreads)
    shift = np.median(middles[1] - middles[0] * scale, axis=0)
    return Fit(scale, shift)


def robust_fit(source: Floats, target: Floats, seen: Flags, start: Fit) -> Fit:
    """Weighted least squares, in which joints far off count little or nothing (Tukey's biweight).

    Shapes as for `rough_fit`, which gives `start`. Iteratively reweighted: Holland and Welsch 1977.
    An axis along which the joints disagree about the scale keeps that of `start`.
    """
    a, b = source[seen], target[seen]
    fit = start
    for _ in range(ROUNDS if len(a) >= LEAST_JOINTS else 0):
        off = np.linalg.norm(fit(a) - b, axis=-1)
        reach = TUKEY * max(NORMAL * float(np.median(off)), LEAST_ERROR)
        weight = np.square(1 - np.square(np.minimum(off / reach, 1.0)))[:, None]
        if not weight.any():
            break
        middle_a, middle_b = ((weight * points).sum(axis=0) / weight.sum() for points in (a, b))
        spread = (weight * (a - middle_a) ** 2).sum(axis=0)
        common = (weight * (a - middle_a) * (b - middle_b)).sum(axis=0)
        scale = common / np.maximum(spread, 1e-9)
        sane = (scale > start.scale / MOST_STRETCH) & (scale < start.scale * MOST_STRETCH)
        scale = np.where(sane, scale, start.scale)
        fit = Fit(scale, middle_b - middle_a * scale)
    return fit


def _ratio(source: Floats, target: Floats) -> Floats:
    """Scale (2,) from the spreads (F, 2) of the frames; a flat axis takes the other's."""
    scale = np.full(2, np.nan)
    for axis in (0, 1):
        known = (source[:, axis] > LEAST_SPREAD) & (target[:, axis] > LEAST_SPREAD)
        if known.any():
            scale[axis] = np.median(target[known, axis] / source[known, axis])
    scale = np.where(np.isnan(scale), np.nan_to_num(scale[::-1], nan=1.0), scale)
    limits = np.array([scale[1], scale[0]])
    return np.clip(scale, limits / MOST_STRETCH, limits * MOST_STRETCH)
