"""Legs that the film's edge cuts off, told from those that it shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pose.cut import cut_legs, without_cut_legs
from pose.skeleton import COUNT, INDEX, PoseSequence

FRAMES, SIZE = 48, (64, 100)
LEGS = [INDEX[name] for name in INDEX if name.endswith(("knee", "ankle", "heel", "toe"))]
FEET = [joint for joint in LEGS if "knee" not in list(INDEX)[joint]]


def standing(ankle: float, score: float, *, knee: float = 0.7, sure: float = 0.95) -> PoseSequence:
    """Somebody whose ankles and knees are at these shares of the height, with these scores."""
    points = np.full((FRAMES, 1, COUNT, 2), 30.0)
    scores = np.full(points.shape[:-1], 0.99)
    points[..., FEET, 1], scores[..., FEET] = ankle * SIZE[1], score
    knees = [INDEX["left_knee"], INDEX["right_knee"]]
    points[..., knees, 1], scores[..., knees] = knee * SIZE[1], sure
    return PoseSequence(keypoints=points, scores=scores, size=SIZE, fps=24.0, backend="mediapipe")


@pytest.mark.parametrize(("ankle", "score"), [(1.1, 0.9), (0.9, 0.6), (0.7, 0.4)])
def test_guessed_feet_are_forgotten_and_sure_knees_are_not(ankle: float, score: float) -> None:
    poses = standing(ankle, score)
    shown = without_cut_legs(poses)
    assert not shown.scores[..., FEET].any()
    assert np.isnan(shown.keypoints[..., FEET, :]).all()
    others = np.setdiff1d(np.arange(COUNT), FEET)
    assert np.array_equal(shown.keypoints[..., others, :], poses.keypoints[..., others, :])
    assert np.array_equal(shown.scores[..., others], poses.scores[..., others])


@pytest.mark.parametrize(("ankle", "score"), [(0.95, 0.9), (0.8, 0.6)])
def test_feet_inside_the_picture_stay(ankle: float, score: float) -> None:
    assert not cut_legs(standing(ankle, score)).any()


@pytest.mark.parametrize(("knee", "sure"), [(0.9, 0.6), (1.1, 0.95)])
def test_a_doubtful_knee_goes_with_its_foot(knee: float, sure: float) -> None:
    assert cut_legs(standing(1.2, 0.1, knee=knee, sure=sure))[..., LEGS].all()
    assert not cut_legs(standing(0.9, 0.95, knee=knee, sure=sure)).any()


def test_a_foot_behind_the_other_one_stays() -> None:
    poses = standing(0.9, 0.95)
    scores = poses.scores.copy()
    scores[..., INDEX["left_ankle"]] = 0.4
    assert not cut_legs(replace(poses, scores=scores)).any()


def test_other_trackers_scores_are_not_compared() -> None:
    assert not cut_legs(replace(standing(0.9, 0.6), backend="dwpose")).any()
    assert cut_legs(replace(standing(1.1, 0.6), backend="dwpose"))[..., FEET].all()


def test_a_moment_does_not_count_and_a_second_does() -> None:
    poses, beyond = standing(0.9, 0.95), standing(1.1, 0.2)
    for frames, counts in ((slice(20, 28), False), (slice(24, 48), True)):
        points, scores = poses.keypoints.copy(), poses.scores.copy()
        points[frames], scores[frames] = beyond.keypoints[frames], beyond.scores[frames]
        cut = cut_legs(replace(poses, keypoints=points, scores=scores))[..., FEET]
        assert cut.any() == counts
        assert not cut[:20].any()
        assert bool(cut[30:].all()) == counts


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_short_clips_and_nobody(frames: int) -> None:
    poses = standing(1.1, 0.9)
    short = replace(
        poses,
        keypoints=poses.keypoints[:frames],
        scores=poses.scores[:frames],
        times=poses.times[:frames],
        marks=poses.marks[:frames],
        crowd=poses.crowd[:frames],
    )
    assert cut_legs(short)[..., FEET].all()
    assert not cut_legs(PoseSequence.empty(SIZE)).any()
    nobody = replace(poses, keypoints=np.full_like(poses.keypoints, np.nan))
    assert not without_cut_legs(nobody).scores.any()
