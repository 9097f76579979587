"""The driving poses on a body with the reference's own bone lengths.

Each part's vector in the picture is scaled by the ratio of the two figures' full lengths, from the
hips outwards. Its direction stays, and so does its foreshortening. The way of the whole figure is
scaled like the legs, and then shifted so that the foot that carries the figure goes exactly that
way: a foot that stands still in the driving video stands still in the result.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pose.errors import AlignError
from pose.proportions import HEAD, NECK, ROOT, Flags, Proportions, compare, with_middles
from pose.skeleton import (
    COUNT,
    FACE,
    INDEX,
    LEFT_HAND,
    RIGHT_HAND,
    VISIBLE,
    Floats,
    Mark,
    PoseSequence,
)

ADVICE = (
    "use a reference that shows shoulders with arms or hips, or place the poses without its "
    "proportions (--align fit, --align none)"
)
_SIDES = ("left", "right")
# Joints, what they hang on, and the part that leads there; parents first.
TREE: tuple[tuple[tuple[int, ...], int, str], ...] = (
    ((NECK,), ROOT, "torso"),
    ((HEAD,), NECK, "neck"),
    ((*range(INDEX["right_ear"] + 1), *range(FACE.start, FACE.stop)), HEAD, "face"),
    (tuple(INDEX[f"{side}_shoulder"] for side in _SIDES), NECK, "shoulders"),
    (tuple(INDEX[f"{side}_hip"] for side in _SIDES), ROOT, "hips"),
    *(
        ((INDEX[f"{side}_{child}"],), INDEX[f"{side}_{parent}"], part)
        for side in _SIDES
        for parent, child, part in (
            ("shoulder", "elbow", "upper_arm"),
            ("elbow", "wrist", "forearm"),
            ("hip", "knee", "thigh"),
            ("knee", "ankle", "shin"),
        )
    ),
    *(
        (tuple(INDEX[f"{side}_{toe}"] for toe in ("big_toe", "small_toe", "heel")),
         INDEX[f"{side}_ankle"], "foot")
        for side in _SIDES
    ),
    (tuple(range(LEFT_HAND.start, LEFT_HAND.stop)), INDEX["left_wrist"], "hand"),
    (tuple(range(RIGHT_HAND.start, RIGHT_HAND.stop)), INDEX["right_wrist"], "hand"),
)  # fmt: skip
ANKLES = np.array([INDEX["left_ankle"], INDEX["right_ankle"]])
# A foot carries the figure if it is lower than the other one and slower; these differences, in
# legs and legs a second, make it e times as likely.
LOWER, SLOWER = 0.03, 0.4
CHANGE = 0.3  # seconds in which the weight goes from one foot to the other
LEAST_PACE = 1e-3  # seconds from frame to frame, should a video's times stand still


def fit_limbs(driving: PoseSequence, reference: PoseSequence) -> Floats:
    """Keypoints (F, P, 133, 2) in the reference's pixels; raises AlignError with advice.

    The first driving person that shows enough is compared with the first person of the reference's
    first frame; the same ratios hold for all persons: their sizes beside each other stay.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        points, scores = with_middles(driving.keypoints, driving.scores)
        target, target_scores = with_middles(*(part[:1] for part in reference.frame(0)))
    seen = scores > VISIBLE
    measured = seen & _not_filled(driving, seen)
    for main in range(driving.people):
        ratios = compare(points[:, main], measured[:, main], target[0], target_scores[0])
        if ratios is not None:
            break
    else:
        raise AlignError(
            "no part of the body that the reference shows (torso, arms, legs) is seen in the "
            f"driving poses, so that its proportions are unknown; {ADVICE}"
        )
    with np.errstate(invalid="ignore", over="ignore"):
        moved = [
            _move(points[:, person], scores[:, person], driving.times, ratios)
            for person in range(driving.people)
        ]
        feet = carrying(points[:, main], measured[:, main], driving.times)
        shift = _place(moved[main], measured[:, main], feet, target[0], target_scores[0])
        return np.stack([person[:, :COUNT] + shift for person in moved], axis=1)


def _not_filled(driving: PoseSequence, seen: Flags) -> Flags:
    """(F, P, 1) frames of each person that were observed; all if none was."""
    filled = (driving.marks & Mark.FILLED) > 0
    observed = (seen[..., :COUNT] & ~filled).any(axis=-1, keepdims=True)
    return np.asarray(observed | ~observed.any(axis=0, keepdims=True))


def _move(points: Floats, scores: Floats, times: Floats, ratios: Proportions) -> Floats:
    """One person (F, 136, 2) with the new lengths, at a place that _place decides."""
    present = np.isfinite(points).all(axis=-1) & (scores > 0)
    seen = scores > VISIBLE
    root = _root(points, seen, present)
    moved = _grow(points, present, root, ratios)
    feet = carrying(points, seen, times)
    slip = np.where(feet[..., None] > 0, (points * ratios.travel - moved)[:, ANKLES], np.nan)
    return moved + _carried(slip, feet)[:, None]


def _carried(slip: Floats, feet: Floats) -> Floats:
    """(F, 2) by how much to shift the figure, from each foot's slip (F, 2, 2), NaN = unseen.

    Hips of another width put each foot beside its scaled way, but always about as far: only the
    change of that makes a foot slide.
    """
    known = np.isfinite(slip).all(axis=-1)
    if not known.any():
        return np.zeros((len(slip), 2))
    usual = np.full((2, 2), np.nan)
    for foot in np.flatnonzero(known.any(axis=0)):
        usual[foot] = np.median(slip[known[:, foot], foot], axis=0)
    slip = slip - usual + np.nanmean(usual, axis=0)
    shift = np.where(known[..., None], slip * feet[..., None], 0.0).sum(axis=1)
    shift[~known.any(axis=1)] = np.nan
    return np.asarray(_bridged(shift))


def _grow(points: Floats, present: Flags, root: Floats, ratios: Proportions) -> Floats:
    """(F, 136, 2) from the root outwards; what hangs on a missing joint hangs on the one before."""
    moved = np.full_like(points, np.nan)
    old, new = points.copy(), points.copy()  # of each joint, or of what stands in for it
    old[:, ROOT], new[:, ROOT] = root, root * ratios.travel
    moved[:, ROOT] = new[:, ROOT]
    for joints, parent, part in TREE:
        children = np.array(joints)
        base, start = old[:, None, parent], new[:, None, parent]
        moved[:, children] = start + (points[:, children] - base) * ratios.parts[part]
        there = present[:, children, None]
        old[:, children] = np.where(there, points[:, children], base)
        new[:, children] = np.where(there, moved[:, children], start)
    return moved


def _root(points: Floats, seen: Flags, present: Flags) -> Floats:
    """(F, 2) the middle of the hips; where they are not seen, below the neck as in other frames."""
    torso = np.where(
        (seen[:, ROOT] & seen[:, NECK])[:, None], points[:, NECK] - points[:, ROOT], np.nan
    )
    below = np.nan_to_num(_bridged(torso))
    root = np.where(seen[:, ROOT, None], points[:, ROOT], np.nan)
    root = np.where(np.isnan(root) & seen[:, NECK, None], points[:, NECK] - below, root)
    root = _bridged(root)
    if np.isfinite(root).all():
        return root
    # Never any shoulders or hips: the middle of whatever there is.
    count = np.maximum(present.sum(axis=1), 1)[:, None]
    return np.asarray(np.where(present[..., None], points, 0.0).sum(axis=1) / count)


def _bridged(values: Floats) -> Floats:
    """(F, 2) with missing frames between their neighbours; all NaN if none is known."""
    known = np.flatnonzero(np.isfinite(values).all(axis=-1))
    if not len(known):
        return values
    frames = np.arange(len(values))
    return np.stack([np.interp(frames, known, column[known]) for column in values.T], axis=1)


def carrying(points: Floats, seen: Flags, times: Floats) -> Floats:
    """(F, 2) how much the left and the right foot carry the figure; rows add up to 1 or are 0.

    points (F, 136, 2), seen (F, 136), times (F,) seconds.
    """
    ankles, shown = points[:, ANKLES], seen[:, ANKLES] & seen[:, ROOT, None]
    legs = np.linalg.norm(ankles - points[:, ROOT, None], axis=-1)
    if not shown.any():
        return np.zeros(shown.shape)
    leg = max(float(np.median(legs[shown])), 1e-9)
    speed, pace = np.zeros(shown.shape), np.ones(len(points))
    if len(points) > 1:
        pace = np.maximum(np.gradient(times), LEAST_PACE)
        speed = np.linalg.norm(np.gradient(ankles, axis=0), axis=-1) / leg / pace[:, None]
    height = -ankles[..., 1] / leg
    doubt = np.where(shown, height / LOWER + np.nan_to_num(speed) / SLOWER, np.inf)
    doubt -= np.where(shown.any(axis=1), doubt.min(axis=1), 0.0)[:, None]
    weights = _shares(np.exp(-doubt))
    reach = int(min(round(CHANGE / 2 / float(np.median(pace))), (len(points) - 1) // 2))
    windows = np.pad(weights, ((reach, reach), (0, 0)), mode="edge")
    calm = sliding_window_view(windows, 2 * reach + 1, axis=0).mean(axis=-1)
    return _shares(np.where(shown, calm, 0.0))


def _shares(weights: Floats) -> Floats:
    total = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)


def _place(
    moved: Floats, seen: Flags, feet: Floats, target: Floats, target_scores: Floats
) -> Floats:
    """The shift (2,) onto the reference's root and floor, for the median frame.

    Without feet on both sides the root, the neck or the head decides the height as well.
    """
    shown = target_scores > VISIBLE
    usable = [joint for joint in (ROOT, NECK, HEAD) if shown[joint] and seen[:, joint].any()]
    if not usable:
        raise AlignError(
            f"the reference and the driving poses share no hips, shoulders or head; {ADVICE}"
        )
    joint = usable[0]
    shift = target[joint] - np.median(moved[seen[:, joint], joint], axis=0)
    stands = carrying(target[None], shown[None], np.zeros(1))
    carried = feet.sum(axis=1) > 0
    if stands.any() and carried.any():
        floor = np.nansum(np.where(feet > 0, feet * moved[:, ANKLES, 1], 0.0), axis=1)[carried]
        wanted = np.where(stands[0] > 0, stands[0] * target[ANKLES, 1], 0.0).sum()
        shift[1] = wanted - np.median(floor)
    return np.asarray(shift)
