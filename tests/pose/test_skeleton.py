from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose.skeleton import (
    BODY_NAMES,
    COCO_FROM_OPENPOSE,
    COUNT,
    INDEX,
    OPENPOSE_BODY,
    OPENPOSE_COUNT,
    OPENPOSE_FROM_COCO,
    OPENPOSE_LEFT_HAND,
    PoseSequence,
    insert_neck,
    remove_neck,
)


def test_index_tables_are_inverses() -> None:
    assert len(OPENPOSE_FROM_COCO) == OPENPOSE_COUNT
    assert sorted(OPENPOSE_FROM_COCO) == list(range(-1, COUNT))
    assert np.array_equal(OPENPOSE_FROM_COCO[COCO_FROM_OPENPOSE], np.arange(COUNT))


def test_openpose_body_order() -> None:
    names = [BODY_NAMES[i] if i >= 0 else "neck" for i in OPENPOSE_FROM_COCO[OPENPOSE_BODY]]
    assert names[:5] == ["nose", "neck", "right_shoulder", "right_elbow", "right_wrist"]
    assert names[5:8] == ["left_shoulder", "left_elbow", "left_wrist"]
    assert names[8:14] == ["right_hip", "right_knee", "right_ankle",
                           "left_hip", "left_knee", "left_ankle"]  # fmt: skip
    assert names[14:] == ["right_eye", "left_eye", "right_ear", "left_ear"]


@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_neck_in_and_out_is_the_identity(seed: int, people: int) -> None:
    rng = np.random.default_rng(seed)
    keypoints, scores = rng.normal(size=(people, COUNT, 2)), rng.random((people, COUNT))
    back_keypoints, back_scores = remove_neck(*insert_neck(keypoints, scores))
    assert np.array_equal(back_keypoints, keypoints)
    assert np.array_equal(back_scores, scores)


@pytest.mark.parametrize(("left", "right", "neck"), [(0.9, 0.4, 1), (0.9, 0.3, 0), (0.1, 0.9, 0)])
def test_neck_is_the_middle_of_visible_shoulders(left: float, right: float, neck: int) -> None:
    keypoints, scores = np.zeros((COUNT, 2)), np.ones(COUNT)
    keypoints[INDEX["left_shoulder"]], keypoints[INDEX["right_shoulder"]] = (10, 4), (2, 8)
    scores[INDEX["left_shoulder"]], scores[INDEX["right_shoulder"]] = left, right
    points, values = insert_neck(keypoints, scores)
    assert points[1].tolist() == [6, 6]
    assert values[1] == neck


def test_hands_follow_the_face() -> None:
    assert OPENPOSE_FROM_COCO[OPENPOSE_LEFT_HAND].tolist() == list(range(91, 112))


def test_what_is_not_finite_is_missing() -> None:
    keypoints, scores = np.ones((1, 1, COUNT, 2)), np.full((1, 1, COUNT), 0.5)
    keypoints[0, 0, 3, 1], keypoints[0, 0, 4, 0], scores[0, 0, 5] = np.nan, np.inf, np.nan
    seq = PoseSequence(keypoints=keypoints, scores=scores, size=(8, 8))
    assert np.isnan(seq.keypoints[0, 0, 3:6]).all()
    assert (seq.scores[0, 0, 3:6] == 0).all()
    assert (seq.scores[0, 0, 6:] == 0.5).all()


def test_sequence_knows_its_times_and_people() -> None:
    empty = np.zeros((4, 2, COUNT, 2))
    seq = PoseSequence(keypoints=empty, scores=empty[..., 0], size=(8, 8), fps=2.0)
    assert (len(seq), seq.people) == (4, 2)
    assert seq.times.tolist() == [0, 0.5, 1, 1.5]


@pytest.mark.parametrize("shape", [(1, COUNT, 2), (1, 1, 18, 2), (1, 1, COUNT, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected keypoints"):
        PoseSequence(keypoints=np.zeros(shape), scores=np.zeros(shape[:-1]), size=(8, 8))
