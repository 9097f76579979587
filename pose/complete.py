"""Limbs that the driving video does not show, in the reference's own stance.

A video of an upper body says nothing of the legs, and a reference that shows them would lose them.
They are hung, as the reference holds them, on the nearest joint that the video does show. Legs that
it shows at times are so in the other frames, and get there and back without a jump; an arm that is
seen at times is hidden otherwise, and stays so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pose.proportions import distances, nearness, with_middles
from pose.skeleton import INDEX, VISIBLE, Floats, Mark, PoseSequence
from pose.stand import ANKLES, stand

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
Flags = NDArray[np.bool_]

# Joints and what they hang on, parents first.
LIMBS = tuple(
    (INDEX[f"{side}_{parent}"], INDEX[f"{side}_{child}"])
    for parent, child in _CHAIN
    for side in ("left", "right")
)
LEGS = frozenset(INDEX[name] for name in INDEX if name.endswith(("knee", "ankle", "heel", "toe")))
SELDOM = 0.05  # share of the frames; a joint seen in fewer is a tracker's guess, not a motion
CHANGE = 0.5  # seconds in which a leg goes from how it was last seen to the reference's stance


def complete(driving: PoseSequence, reference: PoseSequence) -> PoseSequence:
    """Return driving poses, already in the reference's pixels, with the limbs they do not show.

    Each person gets those of the person of the same place in the reference's first frame; a limb
    that is not in the reference either, or that hangs on nothing, stays missing. What is added is
    marked as filled.
    """
    points, scores = driving.keypoints.copy(), driving.scores.copy()
    marks = driving.marks.copy()
    for slot in range(min(driving.people, reference.people)):
        body = reference.keypoints[0, slot], reference.scores[0, slot]
        filled = _complete_person(points[:, slot], scores[:, slot], *body, driving.times)
        marks[:, slot][filled] |= Mark.FILLED
    return replace(driving, keypoints=points, scores=scores, marks=marks)


def _complete_person(
    points: Floats, scores: Floats, own: Floats, own_scores: Floats, times: Floats
) -> Flags:
    """Complete points (F, 133, 2) and scores (F, 133) in place, and say which were added.

    own (133, 2) and own_scores (133,): the reference's.
    """
    joints, trust = with_middles(points, scores)
    size = nearness(distances(joints, trust > VISIBLE))[:, None]
    missing = np.zeros(scores.shape, bool)
    for parent, child in LIMBS:
        if (own_scores[[parent, child]] > VISIBLE).all():
            limb = points[:, [parent, child]], scores[:, [parent, child]]
            missing[:, child] = _unseen(scores[:, child], leg=child in LEGS)
            stance = size * (own[child] - own[parent])
            hung = _hung(*limb, missing[:, child], stance, times)
            points[:, child], scores[:, child] = hung
    never = missing.all(axis=0)
    if never[ANKLES].all():
        stand(points, never, own, times)
    return np.asarray(missing & (scores > 0))


def missing_limbs(driving: PoseSequence, reference: PoseSequence) -> tuple[str, ...]:
    """Names of the joints that ``complete`` would add for anybody in all frames, as "knee"."""
    added = (complete(driving, reference).marks != driving.marks).any(axis=0)
    added &= (driving.scores > VISIBLE).mean(axis=0) < SELDOM
    joints = [child for _, child in LIMBS if added[:, child].any()]
    names = {index: name.partition("_")[2] for name, index in INDEX.items()}
    return tuple(dict.fromkeys(names[joint].replace("_", " ") for joint in joints))


def _unseen(scores: Floats, *, leg: bool) -> Flags:
    """(F,) the frames in which a joint is to be as in the reference."""
    seen = scores > VISIBLE
    if seen.mean() < SELDOM:
        return np.ones_like(seen)
    return ~seen & leg


def _hung(
    points: Floats, scores: Floats, unseen: Flags, stance: Floats, times: Floats
) -> tuple[Floats, Floats]:
    """A child's positions (F, 2) and scores (F,), where unseen a vector away from its parent.

    points (F, 2, 2) and scores (F, 2) of parent and child; stance (F, 2): the reference's vector.
    """
    (parent, child), (carrier, own) = points.swapaxes(0, 1).copy(), scores.T.copy()
    known = np.flatnonzero(~unseen & (carrier > VISIBLE))
    vector = stance
    if len(known):
        last = np.stack([np.interp(times, times[known], (child - parent)[known, axis])
                         for axis in (0, 1)], axis=-1)  # fmt: skip
        away = np.abs(times[:, None] - times[known]).min(axis=1)
        vector = last + np.clip(away / CHANGE, 0.0, 1.0)[:, None] * (stance - last)
    there = unseen & (carrier > VISIBLE)
    child[there], own[there] = (parent + vector)[there], carrier[there]
    lost = unseen & ~there
    child[lost], own[lost] = np.nan, 0.0
    return child, own
