from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose.errors import PoseFileError
from pose.openpose_format import (
    BODY_25,
    BODY_KEY,
    COCO_18,
    MIDDLES,
    PARTS,
    read_frame,
    write_frame,
)
from pose.skeleton import (
    BODY_NAMES,
    COUNT,
    FACE,
    INDEX,
    LEFT_HAND,
    OPENPOSE_BODY,
    OPENPOSE_FROM_COCO,
    Floats,
)


def person(seed: int = 0, share: float = 0.7) -> Floats:
    """(133, 3) of x, y, confidence; about `share` of the joints are there."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(300, 400, (COUNT, 2)), rng.random((COUNT, 1))], axis=1)
    values[rng.random(COUNT) > share] = 0.0
    return values


def written(*people: Floats) -> dict[str, Any]:
    return write_frame(people, list(range(len(people))), (640, 480), 25.0)


def test_body_25_names_every_joint_once() -> None:
    assert len(BODY_25) == len(set(BODY_25)) == 25
    assert set(BODY_25) == {*BODY_NAMES, *MIDDLES}
    assert BODY_25[19:] == BODY_NAMES[17:]
    assert [BODY_25.index(name) for name in ("mid_hip", "left_ankle", "left_heel")] == [8, 14, 21]


def test_coco_18_is_the_order_of_the_drawings() -> None:
    drawn = OPENPOSE_FROM_COCO[OPENPOSE_BODY]
    assert list(COCO_18) == [BODY_NAMES[i] if i >= 0 else "neck" for i in drawn]


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_what_is_written_is_read_exactly(seed: int, share: float) -> None:
    people = [person(seed, share), person(seed + 1, share)]
    frame = read_frame(written(*people), "here")
    assert frame.ids == [0, 1]
    assert (frame.canvas, frame.fps) == ((640, 480), 25.0)
    assert np.array_equal(frame.people, people)


def test_lengths_are_openpose_s() -> None:
    (entry,) = written(person())["people"]
    lengths = {key: len(listed) for key, listed in entry.items() if key.endswith("2d")}
    assert lengths == {
        "pose_keypoints_2d": 75,
        "face_keypoints_2d": 210,
        "hand_left_keypoints_2d": 63,
        "hand_right_keypoints_2d": 63,
    }


def test_neck_and_hip_are_middles() -> None:
    values = np.zeros((COUNT, 3))
    values[INDEX["left_shoulder"]], values[INDEX["right_shoulder"]] = (10, 4, 0.9), (2, 8, 0.4)
    values[INDEX["left_hip"]] = (5, 5, 0.9)  # alone
    body = np.reshape(written(values)["people"][0][BODY_KEY], (25, 3))
    assert body[BODY_25.index("neck")].tolist() == [6, 6, 0.4]
    assert body[BODY_25.index("mid_hip")].tolist() == [0, 0, 0]


def test_missing_joints_are_zeros() -> None:
    values = person()
    values[INDEX["nose"]] = (np.nan, np.nan, 0.0)
    assert written(values)["people"][0][BODY_KEY][:3] == [0, 0, 0]


def test_the_18_joints_of_coco_have_no_feet() -> None:
    listed = [x for name in COCO_18 for x in (INDEX.get(name, 99), 1, 1)]
    values = read_frame({"people": [{BODY_KEY: listed}]}, "here").people[0]
    assert np.flatnonzero(values[:, 2]).tolist() == list(range(17))
    assert values[:17, 0].tolist() == list(range(17))


@pytest.mark.parametrize("count", [68, 70])
def test_a_face_may_have_pupils(count: int) -> None:
    listed = [x for index in range(count) for x in (index, 1, 1)]
    values = read_frame({"people": [{"face_keypoints_2d": listed}]}, "here").people[0]
    assert values[FACE, 0].tolist() == list(range(68))
    assert not values[LEFT_HAND].any()


@pytest.mark.parametrize("nothing", [None, [], "missing"])
def test_parts_may_be_missing(nothing: Any) -> None:
    parts = {key: nothing for key in (BODY_KEY, *PARTS) if nothing != "missing"}
    frame = read_frame({"people": [parts]}, "here")
    assert not frame.people[0].any()
    assert (frame.ids, frame.canvas, frame.fps) == ([-1], None, None)


def test_scores_above_one_are_cut() -> None:
    listed = [5.0, 5.0, 1.2] * 18
    assert read_frame({"people": [{BODY_KEY: listed}]}, "here").people[0][0, 2] == 1.0


FINE = [1.0] * 54


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected an object with 'people', got a list"),
        ({}, "'people' must be a list, got nothing"),
        ({"people": {}}, "'people' must be a list, got an object"),
        ({"people": [3]}, "person 0: expected an object, got a number"),
        ({"people": [{}] * 10**6}, "'people' lists 1000000, the limit is 100"),
        ({"people": [{BODY_KEY: FINE}, {BODY_KEY: FINE[1:]}]}, "person 1: 'pose_keypoints_2d' has "
         "53 numbers, expected 75 or 54"),
        ({"people": [{BODY_KEY: "1 2 3"}]}, "must be a list, got a text"),
        ({"people": [{BODY_KEY: [*FINE[1:], "1"]}]}, "holds a text, expected numbers"),
        ({"people": [{BODY_KEY: [*FINE[1:], True]}]}, "holds a truth value, expected numbers"),
        ({"people": [{BODY_KEY: [*FINE[1:], None]}]}, "holds nothing, expected numbers"),
        ({"people": [{BODY_KEY: [*FINE[1:], [1]]}]}, "holds a list, expected numbers"),
        ({"people": [{BODY_KEY: [float("inf"), *FINE[1:]]}]}, "holds a number beyond 1e"),
        ({"people": [{BODY_KEY: [float("nan"), *FINE[1:]]}]}, "holds a number beyond 1e"),
        ({"people": [{BODY_KEY: [10**4000, *FINE[1:]]}]}, "holds a number beyond 1e"),
        ({"people": [{BODY_KEY: [*FINE[1:], -0.1]}]}, "holds a confidence outside 0 to 1"),
        ({"people": [{BODY_KEY: [*FINE[1:], 95]}]}, "holds a confidence outside 0 to 1"),
        ({"people": [{"face_keypoints_2d": FINE}]}, "has 54 numbers, expected 204 or 210"),
        ({"people": [{"hand_left_keypoints_2d": FINE}]}, "has 54 numbers, expected 63"),
        ({"people": [{"person_id": ["a"]}]}, "'person_id' must be"),
        ({"people": [{"person_id": [-2]}]}, "'person_id' must be"),
        ({"people": [], "canvas_width": -4}, "'canvas_width' must be a number above 0"),
        ({"people": [], "canvas_height": 10**400}, "'canvas_height' must be a number above 0"),
        ({"people": [], "fps": "25"}, "'fps' must be a number above 0"),
    ],
)  # fmt: skip
def test_wrong_content_is_named(content: Any, message: str) -> None:
    with pytest.raises(PoseFileError, match=f"^here.*{message}"):
        read_frame(content, "here")


KEYS = ("people", "person_id", BODY_KEY, *PARTS, "canvas_width", "fps")
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), TREES), st.lists(TREES, max_size=3))
def test_any_tree_gives_a_frame_or_our_error(content: dict[str, Any], people: list[Any]) -> None:
    for tree in (content, {**content, "people": people}, people):
        try:
            frame = read_frame(tree, "here")
        except PoseFileError:
            continue
        assert np.isfinite(np.reshape(frame.people, (-1, 3))).all()
