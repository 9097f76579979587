"""How alike two estimated persons are: in place, in size and in pose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.skeleton import BODY, VISIBLE, Floats

Flags = NDArray[np.bool_]

# Tolerance of each body joint, as a part of the person's size: how far careful annotators differ.
# Source: COCO's keypoint evaluation (cocoapi, cocoeval.py, kpt_oks_sigmas).
SIGMAS = np.array(
    [.026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, .087, .087,
     .089, .089]
)  # fmt: skip
LEAST_SHARED = 3  # body joints that both must show; fewer do not tell poses apart
LEAST_SIZE = 1.0  # pixels; keeps the measures of a person in one point finite
# Sizes differ by this factor, as arms go up or down, at one standard deviation.
SIZE_SPREAD = np.log(1.5)


def seen_joints(scores: Floats) -> Flags:
    """Which joints count, same shape as scores (..., K): the visible ones, else what there is."""
    visible = scores > VISIBLE
    return np.where(visible.any(axis=-1, keepdims=True), visible, scores > 0)


def boxes_of(keypoints: Floats, scores: Floats) -> Floats:
    """Boxes (..., 4) around the seen joints: left, top, right, bottom; NaN where nobody is.

    keypoints (..., K, 2) in pixels, scores (..., K).
    """
    seen = seen_joints(scores)[..., None] & np.isfinite(keypoints).all(axis=-1, keepdims=True)
    low = np.where(seen, keypoints, np.inf).min(axis=-2)
    high = np.where(seen, keypoints, -np.inf).max(axis=-2)
    boxes: Floats = np.concatenate([low, high], axis=-1)
    boxes[~seen.any(axis=(-2, -1))] = np.nan
    return boxes


def size_of(box: Floats) -> Floats:
    """The side of a square with the area of each box (..., 4), in pixels."""
    sides = np.maximum(box[..., 2:] - box[..., :2], LEAST_SIZE)
    return np.asarray(np.sqrt(sides.prod(axis=-1)))


def overlap(box: Floats, other: Floats) -> float:
    """Intersection over union of two boxes (4,), in [0, 1]."""
    sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    common = float(np.maximum(sides, 0).prod())
    whole = float((box[2:] - box[:2]).prod() + (other[2:] - other[:2]).prod()) - common
    return common / whole if whole > 0 else 0.0


def similarity(
    keypoints: Floats, scores: Floats, others: Floats, other_scores: Floats, size: float
) -> float:
    """Object keypoint similarity of two persons' body joints, in [0, 1]; 0 if they share too few.

    keypoints (K, 2), scores (K,) with at least the 17 body joints; size in pixels. The formula is
    COCO's: the mean of exp(-d^2 / (2 size^2 k^2)), with k = 2 sigma.
    """
    shared = seen_joints(scores[BODY]) & seen_joints(other_scores[BODY])
    if shared.sum() < LEAST_SHARED:
        return 0.0
    gaps = ((keypoints[BODY] - others[BODY])[shared] ** 2).sum(axis=-1)
    return float(np.exp(-gaps / (8 * (size * SIGMAS[shared]) ** 2)).mean())


def nearness(
    keypoints: Floats, scores: Floats, others: Floats, other_scores: Floats, reach: float
) -> float:
    """As `similarity`, but every joint may be `reach` pixels away at one standard deviation.

    All 133 joints serve where the bodies share too few.
    """
    seen, other = seen_joints(scores[BODY]), seen_joints(other_scores[BODY])
    part = BODY if (seen & other).sum() >= LEAST_SHARED else slice(None)
    shared = (scores[part] > 0) & (other_scores[part] > 0)
    if part is BODY:
        shared = seen & other
    if not shared.any():
        return 0.0
    gaps = ((keypoints[part] - others[part])[shared] ** 2).sum(axis=-1)
    return float(np.exp(-gaps / (2 * reach**2)).mean())


def size_fit(size: float, other: float) -> float:
    """How well two sizes agree, in (0, 1]."""
    return float(np.exp(-((np.log(size / other) / SIZE_SPREAD) ** 2) / 2))
