"""Limbs that a driving video does not show come from the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pose.complete import CHANGE, LIMBS, SELDOM, complete, missing_limbs
from pose.skeleton import COUNT, INDEX, Mark, PoseSequence

FRAMES = 40
LEGS = [INDEX[name] for name in INDEX if name.endswith(("knee", "ankle", "heel", "toe"))]


def sequence(keypoints: np.ndarray) -> PoseSequence:
    return PoseSequence(
        keypoints=keypoints, scores=np.full(keypoints.shape[:-1], 0.9), size=(64, 96), fps=24.0
    )


@pytest.fixture
def reference() -> PoseSequence:
    return sequence(np.random.default_rng(0).uniform(4, 60, (1, 1, COUNT, 2)))


@pytest.fixture
def driving() -> PoseSequence:
    """A clip of somebody who goes straight on, and of whom it shows no legs."""
    still = np.random.default_rng(1).uniform(4, 60, (1, 1, COUNT, 2))
    poses = sequence(still + np.arange(FRAMES)[:, None, None, None] * (0.5, 0.25))
    scores = poses.scores.copy()
    scores[..., LEGS] = 0.0
    return replace(poses, scores=scores)


def test_legs_hang_on_the_hips_as_in_the_reference(
    driving: PoseSequence, reference: PoseSequence
) -> None:
    whole = complete(driving, reference)
    hip = INDEX["left_hip"]
    for name in ("left_knee", "left_ankle", "left_big_toe"):
        vector = reference.keypoints[0, 0, INDEX[name]] - reference.keypoints[0, 0, hip]
        offset = whole.keypoints[:, 0, INDEX[name]] - whole.keypoints[:, 0, hip]
        assert np.allclose(offset, vector)
    assert (whole.scores[..., LEGS] == 0.9).all()
    assert (whole.marks[..., LEGS] & Mark.FILLED).all()
    assert missing_limbs(driving, reference) == ("knee", "ankle", "heel", "big toe", "small toe")


def test_what_is_seen_stays(driving: PoseSequence, reference: PoseSequence) -> None:
    scores = reference.scores.copy()
    scores[..., INDEX["right_ankle"]] = 0.0
    one_legged = replace(reference, scores=scores)
    whole, others = complete(driving, one_legged), np.setdiff1d(np.arange(COUNT), LEGS)
    assert np.array_equal(whole.keypoints[:, :, others], driving.keypoints[:, :, others])
    assert not whole.marks[..., others].any()
    assert missing_limbs(whole, one_legged) == ()


def test_who_stands_on_hung_legs_stands_on_the_references_floor(
    driving: PoseSequence, reference: PoseSequence
) -> None:
    whole, others = complete(driving, reference), np.setdiff1d(np.arange(COUNT), LEGS)
    ankles = [INDEX["left_ankle"], INDEX["right_ankle"]]
    floor = reference.keypoints[0, 0, ankles, 1].mean()
    assert np.allclose(whole.keypoints[:, 0, ankles, 1].mean(axis=-1), floor)
    shift = (whole.keypoints - driving.keypoints)[:, 0, others]
    assert np.allclose(shift, shift[:, :1])
    assert not shift[..., 0].any()


def test_hung_legs_are_as_large_as_the_figure(
    driving: PoseSequence, reference: PoseSequence
) -> None:
    still = driving.keypoints[:1]
    sizes = np.linspace(0.8, 1.25, FRAMES)
    points = still * sizes[:, None, None, None]
    whole = complete(replace(driving, keypoints=points), reference)
    hip, knee = INDEX["left_hip"], INDEX["left_knee"]
    lengths = np.linalg.norm(whole.keypoints[:, 0, knee] - whole.keypoints[:, 0, hip], axis=-1)
    assert np.allclose(lengths[8:-8] / np.median(lengths), (sizes / np.median(sizes))[8:-8], 0.2)
    assert lengths[-8] > 1.15 * lengths[8]


@pytest.mark.parametrize("share", [SELDOM - 0.03, SELDOM + 0.03])
def test_an_arm_seen_now_and_then_is_not_replaced(
    driving: PoseSequence, reference: PoseSequence, share: float
) -> None:
    wrist, scores = INDEX["left_wrist"], np.full_like(driving.scores, 0.9)
    seen = round(share * FRAMES)
    scores[:, :, wrist] = 0.0
    scores[:seen, :, wrist] = 0.9
    whole = complete(replace(driving, scores=scores), reference)
    kept = np.array_equal(whole.keypoints[:seen, 0, wrist], driving.keypoints[:seen, 0, wrist])
    assert kept == (share > SELDOM)
    assert bool(whole.scores[seen:, 0, wrist].any()) != kept


def test_a_leg_that_is_lost_goes_over_to_the_stance_and_comes_back(
    reference: PoseSequence,
) -> None:
    hip, knee = INDEX["left_hip"], INDEX["left_knee"]
    frames = 3 * FRAMES
    points = np.random.default_rng(2).uniform(4, 60, (1, 1, COUNT, 2)).repeat(frames, axis=0)
    driving = sequence(points + np.arange(frames)[:, None, None, None] * (0.5, 0.0))
    scores = driving.scores.copy()
    lost = slice(30, 90)
    scores[lost, :, knee] = 0.1
    whole = complete(replace(driving, scores=scores), reference)
    vectors = whole.keypoints[:, 0, knee] - whole.keypoints[:, 0, hip]
    seen, stance = (p.keypoints[0, 0, knee] - p.keypoints[0, 0, hip] for p in (driving, reference))
    reached = round(CHANGE * driving.fps)
    assert np.allclose(vectors[:30], seen)
    assert np.allclose(vectors[90:], seen)
    assert np.allclose(vectors[30 + reached : 90 - reached], stance)
    steps = np.linalg.norm(np.diff(vectors, axis=0), axis=-1)
    assert steps.max() < 1.1 * np.linalg.norm(stance - seen) / reached
    assert (whole.scores[lost, 0, knee] == 0.9).all()
    assert missing_limbs(replace(driving, scores=scores), reference) == ()


def test_what_the_reference_does_not_show_stays_missing(
    driving: PoseSequence, reference: PoseSequence
) -> None:
    scores = reference.scores.copy()
    scores[..., INDEX["left_ankle"]] = 0.1
    whole = complete(driving, replace(reference, scores=scores))
    for name in ("left_ankle", "left_heel"):
        assert not whole.scores[..., INDEX[name]].any()
    assert whole.scores[..., INDEX["left_knee"]].all()
    assert whole.scores[..., INDEX["right_ankle"]].all()


def test_nothing_hangs_on_what_is_not_there(driving: PoseSequence, reference: PoseSequence) -> None:
    scores = driving.scores.copy()
    scores[7] = 0.0
    whole = complete(replace(driving, scores=scores), reference)
    assert not whole.scores[7].any()
    assert complete(driving, PoseSequence.empty((64, 96))).scores.sum() == driving.scores.sum()


def test_parents_come_first() -> None:
    children = [child for _, child in LIMBS]
    assert len(children) == len(set(children))
    for place, (parent, _) in enumerate(LIMBS):
        assert parent not in children[place:]
