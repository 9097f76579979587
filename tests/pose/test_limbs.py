from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose.align import align
from pose.errors import AlignError
from pose.skeleton import COUNT, FACE, INDEX, LEFT_HAND, Mark, PoseSequence

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]
SIZE = (300, 600)
LEGS = ("knee", "ankle", "toe", "heel")


def figure(standing: Arrays, scale: float = 1.0) -> PoseSequence:
    keypoints, scores = standing
    points = (keypoints * SIZE * scale)[None, None]
    return PoseSequence(keypoints=points, scores=scores[None, None], size=SIZE)


def joints(*parts: str) -> list[int]:
    return [index for name, index in INDEX.items() if any(part in name for part in parts)]


def resized(seq: PoseSequence, anchor: int, who: Iterable[int], scale: float) -> PoseSequence:
    """The joints `who` drawn towards or away from an anchor joint."""
    keypoints, chosen = seq.keypoints.copy(), list(who)
    centre = keypoints[:, :, [anchor]]
    keypoints[:, :, chosen] = centre + (keypoints[:, :, chosen] - centre) * scale
    return replace(seq, keypoints=keypoints)


def hidden(seq: PoseSequence, who: list[int]) -> PoseSequence:
    keypoints, scores = seq.keypoints.copy(), seq.scores.copy()
    keypoints[:, :, who], scores[:, :, who] = np.nan, 0
    return replace(seq, keypoints=keypoints, scores=scores)


def length(seq: PoseSequence, first: str, second: str, frame: int = 0) -> float:
    ends = seq.keypoints[frame, 0, [INDEX[first], INDEX[second]]]
    return float(np.linalg.norm(ends[0] - ends[1]))


def with_legs(seq: PoseSequence, thigh: float, shin: float) -> PoseSequence:
    """The figure with other thighs and shins; feet keep their size."""
    for side in ("left", "right"):
        for top, below, scale in (("hip", LEGS, thigh), ("knee", LEGS[1:], shin)):
            keypoints = seq.keypoints.copy()
            hub, next_ = INDEX[f"{side}_{top}"], INDEX[f"{side}_{below[0]}"]
            change = (keypoints[:, :, next_] - keypoints[:, :, hub]) * (scale - 1)
            chosen = [joint for joint in joints(*below) if joint in joints(side)]
            keypoints[:, :, chosen] += change[:, :, None]
            seq = replace(seq, keypoints=keypoints)
    return seq


def swaying(standing: Arrays, frames: int = 24) -> PoseSequence:
    """The figure rocks, bends and turns above a left foot that never moves; the right one is up."""
    seq = figure(standing)
    keypoints = np.repeat(seq.keypoints, frames, axis=0)[:, 0]
    phase = np.linspace(0, 2 * np.pi, frames)[:, None]
    step = np.concatenate([20 * np.sin(phase), 15 * (1 - np.cos(phase))], axis=1)[:, None]
    left_foot = joints("left_ankle", "left_big", "left_small", "left_heel")
    keypoints[:, np.setdiff1d(np.arange(COUNT), left_foot)] += step
    keypoints[:, INDEX["left_knee"]] += [1, -0.5] * step[:, 0]
    hips = keypoints[:, 11:13].mean(axis=1, keepdims=True)
    turn = np.cos(phase / 2)[:, None] ** 2 * [1, 0] + [0, 1]
    keypoints[:, 11:13] = hips + (keypoints[:, 11:13] - hips) * turn
    keypoints[:, joints("right_ankle", "right_big", "right_small", "right_heel")] -= [0, 40]
    scores = np.repeat(seq.scores, frames, axis=0)
    return PoseSequence(keypoints=keypoints[:, None], scores=scores, size=SIZE, fps=24)


plausible = st.integers(0, 2**32 - 1)


@settings(max_examples=30, deadline=None)
@given(plausible, st.integers(20, 2000), st.integers(20, 2000))
def test_any_pose_on_itself_stays(seed: int, width: int, height: int) -> None:
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(-0.5, 1.5, (1, 2, COUNT, 2)) * [width, height]
    scores = rng.uniform(0.31, 1, (1, 2, COUNT))
    scores[:, :, rng.integers(23, COUNT, 20)] = 0
    scores[:, 0, rng.integers(7, 17, 3)] = 0.1
    seq = PoseSequence(keypoints=keypoints, scores=scores, size=(width, height))
    np.testing.assert_allclose(align(seq, seq, "limbs").keypoints, seq.keypoints, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(plausible, st.floats(0.2, 5), st.floats(-300, 300), st.floats(-300, 300))
def test_the_result_follows_the_reference(seed: int, scale: float, dx: float, dy: float) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.2, 1, (4, 1, COUNT))
    driving = PoseSequence(
        keypoints=rng.uniform(0, 500, (4, 1, COUNT, 2)), scores=scores, size=SIZE, fps=10
    )
    reference = PoseSequence(
        keypoints=rng.uniform(0, 500, (1, 1, COUNT, 2)), scores=scores[:1], size=SIZE
    )
    other = replace(reference, keypoints=reference.keypoints * scale + [dx, dy])
    expected = align(driving, reference, "limbs").keypoints * scale + [dx, dy]
    np.testing.assert_allclose(align(driving, other, "limbs").keypoints, expected, atol=1e-6)


@pytest.mark.parametrize("scale", [0.5, 1.6])
def test_short_and_long_legs_stay(scale: float, standing: Arrays) -> None:
    driving = figure(standing)
    reference = with_legs(driving, scale, scale)
    moved = align(driving, reference, "limbs")
    for ends in (("left_hip", "left_knee"), ("right_knee", "right_ankle")):
        assert length(moved, *ends) == pytest.approx(scale * length(driving, *ends))
    assert length(moved, "left_shoulder", "left_elbow") == pytest.approx(
        length(driving, "left_shoulder", "left_elbow")
    )
    np.testing.assert_allclose(moved.keypoints, reference.keypoints, atol=1e-6)


def test_a_big_head_stays_big(standing: Arrays) -> None:
    driving = figure(standing)
    head = [*range(5), *range(FACE.start, FACE.stop)]
    centre = driving.keypoints[0, 0, [INDEX["left_ear"], INDEX["right_ear"]]].mean(axis=0)
    keypoints = driving.keypoints.copy()
    keypoints[0, 0, head] = centre + (keypoints[0, 0, head] - centre) * 2.2
    moved = align(driving, replace(driving, keypoints=keypoints), "limbs")
    np.testing.assert_allclose(moved.keypoints, keypoints, atol=1e-6)


def test_foreshortening_survives(standing: Arrays) -> None:
    driving = figure(standing)
    keypoints = np.repeat(driving.keypoints, 3, axis=0)
    shoulder, elbow = keypoints[1, 0, INDEX["left_shoulder"]], INDEX["left_elbow"]
    keypoints[1, 0, elbow] = shoulder + 0.2 * (keypoints[1, 0, elbow] - shoulder)
    scores = np.repeat(driving.scores, 3, axis=0)
    bent = replace(driving, keypoints=keypoints, scores=scores, times=[], marks=[], crowd=[])
    moved = align(bent, figure(standing, 0.5), "limbs")
    ends = ("left_shoulder", "left_elbow")
    assert length(moved, *ends, frame=1) == pytest.approx(0.5 * length(bent, *ends, frame=1))


def test_a_standing_foot_stands_still_on_other_legs(standing: Arrays) -> None:
    driving = swaying(standing)
    reference = with_legs(figure(standing), 0.45, 0.6)
    moved = align(driving, reference, "limbs").keypoints[:, 0]
    ankle, hips = moved[:, INDEX["left_ankle"]], moved[:, INDEX["left_hip"]]
    leg = np.linalg.norm(ankle - hips, axis=1).max()
    assert np.ptp(hips[:, 0]) > 0.1 * leg
    assert np.ptp(ankle, axis=0).max() < 0.005 * leg


def test_stepping_from_foot_to_foot_moves_no_standing_foot(standing: Arrays) -> None:
    seq, frames = figure(standing), 60
    keypoints = np.repeat(seq.keypoints, frames, axis=0)
    lift = np.clip(20 * np.sin(np.linspace(0, 6 * np.pi, frames)), 0, None)
    keypoints[:, 0, INDEX["right_ankle"], 1] -= lift
    scores = np.repeat(seq.scores, frames, axis=0)
    driving = PoseSequence(keypoints=keypoints, scores=scores, size=SIZE, fps=24)
    wide = seq.keypoints.copy()
    for side, way in (("left", 12), ("right", -12)):
        wide[:, :, [i for i in joints(side) if i > 10], 0] += way
    moved = align(driving, replace(seq, keypoints=wide), "limbs").keypoints[:, 0]
    assert np.ptp(moved[:, INDEX["left_ankle"]], axis=0).max() < 0.5


def test_the_figure_stands_where_the_reference_stands(standing: Arrays) -> None:
    driving, child = swaying(standing), figure(standing, 0.5)
    child = replace(child, keypoints=child.keypoints + np.array([70, 250]))
    moved = np.median(align(driving, child, "limbs").keypoints[:, 0], axis=0)
    wanted = child.keypoints[0, 0]
    assert abs(moved[INDEX["left_ankle"], 1] - wanted[INDEX["left_ankle"], 1]) < 1
    assert abs(moved[11:13, 0].mean() - wanted[11:13, 0].mean()) < 1


def test_hidden_legs_follow_the_rest_of_the_body(standing: Arrays) -> None:
    driving, whole = swaying(standing), figure(standing, 0.5)
    half = hidden(whole, joints(*LEGS))
    moved = align(driving, half, "limbs")
    assert length(moved, "left_hip", "left_knee", 5) == pytest.approx(
        0.5 * length(driving, "left_hip", "left_knee", 5), rel=0.05
    )
    root = np.median(moved.keypoints[:, 0, 11:13].mean(axis=1), axis=0)
    np.testing.assert_allclose(root, half.keypoints[0, 0, 11:13].mean(axis=0), atol=1)


def test_a_hand_that_is_not_seen_follows_the_forearm(standing: Arrays) -> None:
    driving = figure(standing)
    reference = resized(driving, INDEX["left_elbow"], [INDEX["left_wrist"]], 0.7)
    reference = resized(reference, INDEX["right_elbow"], [INDEX["right_wrist"]], 0.7)
    reference = hidden(reference, list(range(LEFT_HAND.start, COUNT)))
    moved = align(driving, reference, "limbs").keypoints[0, 0]
    original = driving.keypoints[0, 0]
    wrist = INDEX["left_wrist"]
    np.testing.assert_allclose(
        moved[LEFT_HAND] - moved[wrist], 0.7 * (original[LEFT_HAND] - original[wrist]), atol=1e-6
    )


def test_a_missing_elbow_does_not_lose_the_hand(standing: Arrays) -> None:
    driving = hidden(figure(standing), [INDEX["left_elbow"]])
    moved = align(driving, figure(standing, 0.5), "limbs").keypoints[0, 0]
    assert np.isnan(moved[INDEX["left_elbow"]]).all()
    whole = align(figure(standing), figure(standing, 0.5), "limbs").keypoints[0, 0]
    np.testing.assert_allclose(moved[LEFT_HAND], whole[LEFT_HAND], atol=1e-6)


def test_frames_without_hips_do_not_jump(standing: Arrays) -> None:
    driving = swaying(standing)
    scores = driving.scores.copy()
    scores[::3, :, 11:23] = 0
    broken = replace(driving, scores=scores)
    child = with_legs(figure(standing), 0.4, 0.4)
    shoulders = align(broken, child, "limbs").keypoints[:, 0, 5:7]
    steady = align(driving, child, "limbs").keypoints[:, 0, 5:7]
    assert np.abs(np.diff(shoulders, axis=0)).max() < 2 * np.abs(np.diff(steady, axis=0)).max()


def test_filled_frames_are_not_measured(standing: Arrays) -> None:
    driving = swaying(standing)
    keypoints, marks = driving.keypoints.copy(), driving.marks.copy()
    keypoints[10:13] *= 3
    marks[10:13] = Mark.FILLED
    odd = replace(driving, keypoints=keypoints, marks=marks)
    moved = align(odd, figure(standing), "limbs").keypoints
    usual = align(driving, figure(standing), "limbs").keypoints
    np.testing.assert_allclose(moved[:8], usual[:8], atol=0.5)


def test_persons_keep_their_sizes_beside_each_other(standing: Arrays) -> None:
    one = figure(standing)
    keypoints = np.concatenate([one.keypoints, one.keypoints * 0.5], axis=1)
    pair = PoseSequence(keypoints=keypoints, scores=np.repeat(one.scores, 2, axis=1), size=SIZE)
    moved = align(pair, figure(standing, 0.7), "limbs").keypoints[0]
    np.testing.assert_allclose(moved[0], one.keypoints[0, 0] * 0.7, atol=1e-6)
    np.testing.assert_allclose(np.ptp(moved[1], axis=0), 0.5 * np.ptp(moved[0], axis=0))


def test_bodies_without_a_common_part_are_refused_with_advice(standing: Arrays) -> None:
    whole = figure(standing)
    head = hidden(whole, list(range(5, 23)))
    with pytest.raises(AlignError, match=r"proportions are unknown; .*--align fit, --align none"):
        align(whole, head, "limbs")
    with pytest.raises(AlignError, match="no person in the driving poses"):
        align(PoseSequence.empty(SIZE), whole, "limbs")


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_wild_keypoints_never_raise_anything_else(data: Any) -> None:
    rng = np.random.default_rng(data.draw(plausible))
    extremes = np.array([0.0, 1e-300, 1e300, np.nan, np.inf, -5.0, 100.0])
    keypoints = rng.uniform(0, 500, (3, 2, COUNT, 2))
    odd = rng.random(keypoints.shape) < data.draw(st.floats(0, 1))
    keypoints[odd] = rng.choice(extremes, odd.sum())
    scores = rng.choice([0.0, 0.3, 0.31, 1.0], (3, 2, COUNT))
    seq = PoseSequence(keypoints=keypoints, scores=scores, size=SIZE, fps=5)
    try:
        moved = align(seq, seq.persons([1]), "limbs")
    except AlignError:
        return
    assert moved.keypoints.shape == keypoints.shape
