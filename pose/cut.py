"""Legs that the lower edge of a film cuts off: what a tracker says of them there is a guess.

Trackers give every joint a place, also one that the picture does not hold: squeezed in above the
edge or somewhat below it, and never twice the same. Believed, such legs shrink, kneel and fly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pose.skeleton import INDEX, Floats, PoseSequence

Flags = NDArray[np.bool_]

# Heights are shares of the picture's. Of 59 rendered films the tracker gave the better seen ankle a
# median score of 0.92 and more where the picture held it (but for one, 0.58), and at most 0.74
# where it did not; knees below a score of 0.8 were off by a quarter of a torso and more.
EDGE = 0.98  # an ankle below is beyond the picture, or cut through by its edge
NEAR, SURE = 0.85, 0.8  # ankles are also cut off if both are below and neither is seen for sure
UNSEEN = 0.5  # or if neither is seen that well, wherever they are said to be
GUESSING = "mediapipe"  # whose scores these are; others' heat maps end with the picture
CALM = 1.0  # seconds over which the most frequent answer counts


def without_cut_legs(poses: PoseSequence) -> PoseSequence:
    """Poses, in the pixels of the film they are from, without the leg joints that it cuts off."""
    keypoints, scores = poses.keypoints.copy(), poses.scores.copy()
    cut = cut_legs(poses)
    keypoints[cut], scores[cut] = np.nan, 0.0
    return replace(poses, keypoints=keypoints, scores=scores)


def cut_legs(poses: PoseSequence) -> Flags:
    """(F, P, 133) which knees, ankles, heels and toes lie beyond the film's lower edge."""
    cut = np.zeros(poses.scores.shape, bool)
    with np.errstate(invalid="ignore"):
        height = poses.keypoints[..., 1] / poses.size[1]
    ankles = np.array([INDEX["left_ankle"], INDEX["right_ankle"]])
    trust = poses.scores[..., ankles]
    low = height[..., ankles] > EDGE
    faint = (trust < UNSEEN) | ((trust < SURE) & (height[..., ankles] > NEAR))
    faint &= poses.backend == GUESSING
    # A foot behind the other one is as faint, but then the other one is seen well.
    lost = low | (faint & (low | faint).all(axis=-1, keepdims=True))
    for place, side in enumerate(("left", "right")):
        knee = INDEX[f"{side}_knee"]
        foot = [INDEX[f"{side}_{part}"] for part in ("ankle", "heel", "big_toe", "small_toe")]
        below = _mostly(lost[..., place], poses.times)
        unsure = (poses.scores[..., knee] < SURE) & (poses.backend == GUESSING)
        doubtful = (height[..., knee] > 1) | unsure
        cut[..., foot] = below[..., None]
        cut[..., knee] = below & _mostly(doubtful, poses.times)
    return cut


def _mostly(flags: Flags, times: Floats) -> Flags:
    """What holds in most of the frames around each: flags (F, P), times (F,) seconds."""
    frames = len(flags)
    if frames < 2:
        return flags
    pace = max(float(np.median(np.diff(times))), 1e-3)
    reach = min(round(CALM / 2 / pace), frames - 1)
    padded = np.pad(flags.astype(float), ((reach, reach), (0, 0)), constant_values=np.nan)
    windows = sliding_window_view(padded, 2 * reach + 1, axis=0)
    return np.asarray(np.nanmean(windows, axis=-1) > 0.5)
