"""Move and scale driving poses onto the body of the reference picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.errors import AlignError
from pose.limbs import fit_limbs
from pose.skeleton import OPENPOSE_BODY, VISIBLE, Floats, PoseSequence, insert_neck

# Body joints in OpenPose's order that enter the fit: no elbows and no wrists, which move most.
# Source: facts of the golden case `pose_align`.
FIT_JOINTS = np.array([0, 1, 2, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17])
LEAST_JOINTS = 3  # fewer visible joints say nothing about a body's size
MOST_DISAGREEMENT = 2.0  # of the fitted scale with that of the figures' spread
ADVICE = "use a reference that shows head, shoulders and hips, or go on without it (--align none)"


def align(
    driving: PoseSequence, reference: PoseSequence, mode: str = "fit", official: bool = False
) -> PoseSequence:
    """The driving poses in the reference's pixel frame.

    mode "fit" puts them where the reference's body is, at its size (first person of the first
    frame); "limbs" also gives them its bone lengths, see `pose.limbs`; "none" only scales the
    whole picture into the reference's, centred. By default only joints that are visible on both
    sides enter the fit; `official` (of "fit" alone) fits exactly as the
    official code does, with hidden joints. Raises AlignError if the bodies cannot be fitted and
    ValueError for an unknown mode.
    """
    if mode != "none" and not (driving.scores > 0).any():
        raise AlignError("no person in the driving poses; use a video that shows one")
    if mode == "limbs":
        _reference_joints(reference)
        return replace(driving, keypoints=fit_limbs(driving, reference), size=reference.size)
    if mode == "none":
        scale, shift = _contain(driving.size, reference.size)
    elif mode == "fit":
        scale, shift = _fit(driving, reference, official)
    else:
        raise ValueError(f"unknown alignment {mode!r}: expected fit, limbs or none")
    return replace(driving, keypoints=driving.keypoints * scale + shift, size=reference.size)


def fit_affine(
    driving: Any,
    reference: Any,
    driving_size: tuple[int, int],
    reference_size: tuple[int, int],
    seen: NDArray[np.bool_] | None = None,
) -> tuple[Floats, Floats]:
    """Scale a (2,) and shift b (2,), both (x, y), with reference = driving * a + b.

    driving (F, J, 2) and reference (J, 2) are the same joints in [0, 1] of their pictures, sizes
    are (width, height), seen (F, J) selects the driving joints that count (default: all).
    The official rule: a least-squares line for y over all frames and joints; x gets the scale
    that keeps the figure's proportions, and the mean offset.
    """
    points = np.asarray(driving, dtype=np.float64)
    target = np.broadcast_to(np.asarray(reference, dtype=np.float64), points.shape)
    if seen is not None:
        points, target = points[seen], target[seen]
    scale_y, shift_y = np.polyfit(points[..., 1].ravel(), target[..., 1].ravel(), 1)
    scale_x = _proportional(scale_y, driving_size, reference_size)
    shift_x = np.mean(target[..., 0] - scale_x * points[..., 0])
    return np.array([scale_x, scale_y]), np.array([shift_x, shift_y])


def _proportional(
    scale_y: float, driving_size: tuple[int, int], reference_size: tuple[int, int]
) -> float:
    """The horizontal scale, in [0, 1] units, that goes with a vertical one."""
    (width, height), (ref_width, ref_height) = driving_size, reference_size
    return float(scale_y / (height / width / ref_height * ref_width))


def _contain(size: tuple[int, int], target: tuple[int, int]) -> tuple[Floats, Floats]:
    """Scale and shift in pixels that show a whole picture centred in another one."""
    scale = min(target[0] / size[0], target[1] / size[1])
    shift = (np.array(target) - np.array(size) * scale) / 2
    return np.array([scale, scale]), shift


def _fit(driving: PoseSequence, reference: PoseSequence, official: bool) -> tuple[Floats, Floats]:
    """Scale and shift in pixels from the driving picture to the reference."""
    target, usable = _reference_joints(reference)
    points, seen = _driving_joints(driving, usable, official)
    if official:
        a, b = fit_affine(points, target, driving.size, reference.size)
    else:
        a, b = _robust_fit(points, target, seen, driving.size, reference.size)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise AlignError(f"the driving poses cannot be fitted to the reference body; {ADVICE}")
    size, ref_size = np.array(driving.size), np.array(reference.size)
    return a * ref_size / size, b * ref_size


def _reference_joints(reference: PoseSequence) -> tuple[Floats, NDArray[np.int64]]:
    """Positions in [0, 1] and numbers of the reference's visible fit joints."""
    if not len(reference) or not reference.people:
        raise AlignError(f"no person in the reference picture; {ADVICE}")
    keypoints, scores = insert_neck(*reference.frame(0))
    usable = FIT_JOINTS[scores[0, FIT_JOINTS] > VISIBLE]
    if len(usable) < LEAST_JOINTS:
        raise AlignError(
            f"only {len(usable)} of {len(FIT_JOINTS)} joints of the reference body are visible "
            f"(at least {LEAST_JOINTS} are needed); {ADVICE}"
        )
    return keypoints[0, usable] / np.array(reference.size), usable


def _driving_joints(
    driving: PoseSequence, joints: NDArray[np.int64], official: bool
) -> tuple[Floats, NDArray[np.bool_]]:
    """Positions (F, J, 2) in [0, 1] and visibility (F, J) in the frames that enter the fit."""
    keypoints, scores = insert_neck(driving.keypoints, driving.scores)
    present = (scores[..., OPENPOSE_BODY] > 0).any(axis=-1)
    alone = present.sum(axis=1) == 1
    if official and not alone.any():
        raise AlignError("no driving frame shows exactly one person, as the official fit needs")
    person = present.argmax(axis=1)
    frames = np.flatnonzero(alone if alone.any() else present.any(axis=1))
    if not official:
        known = np.setdiff1d(frames, driving.filled)
        frames = known if len(known) else frames
    points = keypoints[frames, person[frames]][:, joints] / np.array(driving.size)
    visible = scores[frames, person[frames]][:, joints] > VISIBLE
    # Without a position a hidden joint is at (0, 0) for the official code.
    return np.nan_to_num(points, nan=0.0), visible


def _robust_fit(
    points: Floats,
    target: Floats,
    seen: NDArray[np.bool_],
    driving_size: tuple[int, int],
    reference_size: tuple[int, int],
) -> tuple[Floats, Floats]:
    """The official fit over visible joints; by the figures' spread where heights say too little.

    A head and two shoulders hardly differ in height, so that the line through them can have any
    slope, even a negative one. The spread in both directions is then the better measure.
    """
    complete = seen.sum(axis=1) >= LEAST_JOINTS
    if not complete.any():
        raise AlignError(
            "the driving poses never show the joints that are visible on the reference body; "
            f"{ADVICE}"
        )
    points, seen = points[complete], seen[complete]
    scale = _spread_scale(points, target, seen, driving_size, reference_size)
    with np.errstate(all="ignore"):
        a, b = _fit_without_warning(points, target, seen, driving_size, reference_size)
    if scale / MOST_DISAGREEMENT <= a[1] <= scale * MOST_DISAGREEMENT:
        return a, b
    a = np.array([_proportional(scale, driving_size, reference_size), scale])
    offsets = np.broadcast_to(target, points.shape) - a * points
    return a, offsets[seen].mean(axis=0)


def _fit_without_warning(
    points: Floats,
    target: Floats,
    seen: NDArray[np.bool_],
    driving_size: tuple[int, int],
    reference_size: tuple[int, int],
) -> tuple[Floats, Floats]:
    """fit_affine, or NaN where all heights are equal and no line is defined."""
    if np.ptp(points[..., 1][seen]) < 1e-9:
        return np.full(2, np.nan), np.full(2, np.nan)
    return fit_affine(points, target, driving_size, reference_size, seen)


def _spread_scale(
    points: Floats,
    target: Floats,
    seen: NDArray[np.bool_],
    driving_size: tuple[int, int],
    reference_size: tuple[int, int],
) -> float:
    """Vertical scale in [0, 1] units: the median over frames of the ratio of spreads in pixels."""
    ratios = []
    for frame, visible in zip(points * driving_size, seen, strict=True):
        wanted = (target * reference_size)[visible]
        spread = np.linalg.norm(frame[visible] - frame[visible].mean(axis=0))
        if spread > 0:
            ratios.append(np.linalg.norm(wanted - wanted.mean(axis=0)) / spread)
    pixels = float(np.median(ratios)) if ratios else 0.0
    if pixels <= 0:
        raise AlignError(f"the visible joints of the bodies coincide in one point; {ADVICE}")
    return pixels * driving_size[1] / reference_size[1]
