from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose.align import FIT_JOINTS, align, fit_affine
from pose.errors import AlignError
from pose.skeleton import (
    COUNT,
    INDEX,
    OPENPOSE_BODY,
    OPENPOSE_FACE,
    OPENPOSE_LEFT_HAND,
    OPENPOSE_RIGHT_HAND,
    VISIBLE,
    PoseSequence,
)

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]
COPY = Path(__file__).resolve().parent.parent / "golden" / "pose_align"
EXACT: dict[str, Any] = {"rtol": 0, "atol": 1e-9}


def check(folder: Path) -> None:
    """a, b and every transformed keypoint within 1e-9."""
    data = np.load(folder / "data.npz")
    for case in json.loads((folder / "manifest.json").read_text())["cases"]:
        key = case["index"]
        size = (case["video_width"], case["video_height"])
        ref_size = (case["ref_width"], case["ref_height"])
        scores = data[f"{key}.ref_scores"][0]
        joints = FIT_JOINTS[scores[FIT_JOINTS] > VISIBLE]
        assert joints.tolist() == case["ref_keypoint_ids_used"]
        frames = [data[f"{key}.frame{i}.keypoints_px"] / size for i in range(case["frames"])]
        alone = np.stack([frame[0, joints] for frame in frames if len(frame) == 1])
        reference = data[f"{key}.ref_keypoints_px"][0, joints] / ref_size
        a, b = fit_affine(alone, reference, size, ref_size)
        np.testing.assert_allclose(a, data[f"{key}.a"], **EXACT)
        np.testing.assert_allclose(b, data[f"{key}.b"], **EXACT)
        for index, frame in enumerate(frames):
            moved, name = frame * a + b, f"{key}.frame{index}.aligned_"
            body = moved[:, OPENPOSE_BODY].reshape(-1, 2)
            hands = np.concatenate([moved[:, OPENPOSE_LEFT_HAND], moved[:, OPENPOSE_RIGHT_HAND]])
            np.testing.assert_allclose(body, data[name + "candidate"], **EXACT)
            np.testing.assert_allclose(moved[:, OPENPOSE_FACE], data[name + "faces"], **EXACT)
            np.testing.assert_allclose(hands, data[name + "hands"], **EXACT)


def test_fit_is_the_official_one() -> None:
    check(COPY)


def test_fit_on_every_shared_case(shared: Path) -> None:
    check(shared / "golden" / "pose_align")


def sequence(figure: Arrays, size: tuple[int, int] = (100, 200), frames: int = 1) -> PoseSequence:
    """The figure, standing still."""
    keypoints = np.broadcast_to(figure[0] * size, (frames, 1, COUNT, 2))
    scores = np.broadcast_to(figure[1], (frames, 1, COUNT))
    return PoseSequence(keypoints=keypoints, scores=scores, size=size, fps=10)


def hidden(seq: PoseSequence, *names: str) -> PoseSequence:
    """The sequence with some joints out of sight, at (0, 0) with score 0."""
    keypoints, scores = seq.keypoints.copy(), seq.scores.copy()
    for name in names:
        keypoints[:, :, INDEX[name]], scores[:, :, INDEX[name]] = 0, 0
    return replace(seq, keypoints=keypoints, scores=scores)


@pytest.mark.parametrize("official", [False, True])
def test_a_pose_on_itself_stays(official: bool, standing: Arrays) -> None:
    seq = sequence(standing)
    np.testing.assert_allclose(align(seq, seq, official=official).keypoints, seq.keypoints)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 2000), st.integers(20, 2000))
def test_any_pose_on_itself_stays(seed: int, width: int, height: int) -> None:
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(-0.5, 1.5, (1, 1, COUNT, 2)) * [width, height]
    seq = PoseSequence(
        keypoints=keypoints, scores=rng.uniform(0.31, 1, (1, 1, COUNT)), size=(width, height)
    )
    for mode in ("fit", "none"):  # "limbs": see test_limbs
        np.testing.assert_allclose(align(seq, seq, mode).keypoints, seq.keypoints, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.2, 5), st.floats(-300, 300), st.floats(-300, 300))
def test_a_scaled_and_shifted_body_is_met(scale: float, dx: float, dy: float) -> None:
    rng = np.random.default_rng(1)
    figure = (rng.random((COUNT, 2)), np.full(COUNT, 0.9))
    driving = sequence(figure, (640, 360), frames=3)
    keypoints = driving.keypoints[:1] * scale + [dx, dy]
    reference = PoseSequence(keypoints=keypoints, scores=driving.scores[:1], size=(300, 500))
    moved = align(driving, reference)
    assert (moved.size, moved.fps, len(moved)) == ((300, 500), 10, 3)
    np.testing.assert_allclose(moved.keypoints[2], keypoints[0], atol=1e-6)


def test_hidden_joints_do_not_pull_the_fit(standing: Arrays) -> None:
    whole = sequence(standing)
    half = hidden(whole, "left_knee", "right_knee", "left_ankle", "right_ankle")
    moved = align(half, whole).keypoints[0, 0, INDEX["nose"]]
    np.testing.assert_allclose(moved, whole.keypoints[0, 0, INDEX["nose"]])
    pulled = align(half, whole, official=True).keypoints[0, 0, INDEX["nose"]]
    assert np.abs(pulled - moved).max() > 5


def test_a_head_and_shoulders_reference_gets_a_sane_scale(standing: Arrays) -> None:
    driving = sequence(standing)
    below = [name for name in INDEX if any(p in name for p in ("hip", "knee", "ankle"))]
    keypoints = driving.keypoints * 2
    # Level head and shoulders: a line through their heights would have any slope.
    keypoints[..., 1] = np.where(np.arange(COUNT) < 7, 100 + np.arange(COUNT) % 3, 150)
    reference = hidden(
        PoseSequence(keypoints=keypoints, scores=driving.scores, size=(200, 400)), *below
    )
    moved = align(driving, reference).keypoints[0, 0]
    height = moved[INDEX["left_ankle"], 1] - moved[INDEX["nose"], 1]
    assert 1 / 3 < height / (2 * 0.77 * 200) < 3


def test_frames_with_two_people_do_not_enter_the_fit(standing: Arrays) -> None:
    seq = sequence(standing, frames=2)
    keypoints = np.concatenate([seq.keypoints, seq.keypoints + 40], axis=1)
    scores = np.concatenate([seq.scores, seq.scores], axis=1)
    scores[1, 1] = 0
    keypoints[0, 0] *= 3  # the frame with two people
    pair = PoseSequence(keypoints=keypoints, scores=scores, size=seq.size)
    moved = align(pair, sequence(standing))
    np.testing.assert_allclose(moved.keypoints[1, 0], seq.keypoints[1, 0], atol=1e-6)


def test_no_alignment_shows_the_whole_picture_centred(standing: Arrays) -> None:
    driving = sequence(standing, (100, 200))
    moved = align(driving, PoseSequence.empty((400, 400)), mode="none")
    np.testing.assert_allclose(moved.keypoints, driving.keypoints * 2 + [100, 0])
    assert moved.size == (400, 400)


def test_a_reference_without_a_body_is_refused_with_advice(standing: Arrays) -> None:
    driving = sequence(standing)
    with pytest.raises(AlignError, match=r"no person .*--align none"):
        align(driving, PoseSequence.empty(driving.size))
    legs = hidden(driving, *(n for n in INDEX if not n.endswith("knee")))
    with pytest.raises(AlignError, match=r"only 2 of 14 joints .*--align none"):
        align(driving, legs)
    head = hidden(driving, *(n for n in INDEX if n.split("_")[-1] not in ("eye", "ear", "nose")))
    with pytest.raises(AlignError, match=r"never show .*--align none"):
        align(legs, head)


def test_unknown_modes_are_refused(standing: Arrays) -> None:
    seq = sequence(standing)
    with pytest.raises(ValueError, match="expected fit, limbs or none"):
        align(seq, seq, mode="stretch")
