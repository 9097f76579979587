"""Limbs that the driving video never shows, in the reference's own stance.

A video of an upper body says nothing of the legs, and a reference that shows them would lose them.
They are hung, as the reference holds them, on the nearest joint that the video does show.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pose.skeleton import INDEX, VISIBLE, Floats, Mark, PoseSequence

_CHAIN = (
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("shoulder", "hip"),
    ("hip", "knee"),
    ("knee", "ankle"),
    ("ankle", "heel"),
    ("ankle", "big_toe"),
    ("ankle", "small_toe"),
)
# Joints and what they hang on, parents first.
LIMBS = tuple(
    (INDEX[f"{side}_{parent}"], INDEX[f"{side}_{child}"])
    for parent, child in _CHAIN
    for side in ("left", "right")
)
SELDOM = 0.05  # share of the frames; a joint seen in fewer is a tracker's guess, not a motion


def complete(driving: PoseSequence, reference: PoseSequence) -> PoseSequence:
    """Return driving poses, already in the reference's pixels, with the limbs they never show.

    Each person gets those of the person of the same place in the reference's first frame; a limb
    that is not in the reference either, or that hangs on nothing, stays missing. What is added is
    marked as filled.
    """
    points, scores = driving.keypoints.copy(), driving.scores.copy()
    for slot in range(min(driving.people, reference.people)):
        own, own_scores = reference.keypoints[0, slot], reference.scores[0, slot]
        for parent, child in LIMBS:
            if _seldom(scores[:, slot, child]) and (own_scores[[parent, child]] > VISIBLE).all():
                _hang(points[:, slot], scores[:, slot], parent, child, own[child] - own[parent])
    changed = (scores != driving.scores) | _moved(points, driving.keypoints)
    marks = np.where(changed, driving.marks | Mark.FILLED, driving.marks)
    return replace(driving, keypoints=points, scores=scores, marks=marks.astype(np.uint8))


def missing_limbs(driving: PoseSequence, reference: PoseSequence) -> tuple[str, ...]:
    """Names of the joints that ``complete`` would add for anybody, such as "knee"."""
    added = complete(driving, reference).marks != driving.marks
    joints = [child for _, child in LIMBS if added[:, :, child].any()]
    names = {index: name.partition("_")[2] for name, index in INDEX.items()}
    return tuple(dict.fromkeys(names[joint].replace("_", " ") for joint in joints))


def _seldom(scores: Floats) -> bool:
    return bool((scores > VISIBLE).mean() < SELDOM)


def _hang(points: Floats, scores: Floats, parent: int, child: int, vector: Floats) -> None:
    """Put a joint where the vector from its parent leads, wherever that one is seen."""
    there = scores[:, parent] > VISIBLE
    points[there, child] = points[there, parent] + vector
    scores[there, child] = scores[there, parent]
    points[~there, child], scores[~there, child] = np.nan, 0.0


def _moved(points: Floats, before: Floats) -> Floats:
    same = (points == before) | (np.isnan(points) & np.isnan(before))
    return np.asarray(~same.all(axis=-1))
