"""One frame of OpenPose's JSON: what its lists mean, written and read. No files here.

Format: github.com/CMU-Perceptual-Computing-Lab/openpose, doc/02_output.md. canvas_width and
canvas_height beside the people are what ControlNet's annotators and editors write.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pose.errors import PoseFileError
from pose.skeleton import COUNT, FACE, INDEX, LEFT_HAND, RIGHT_HAND, Floats
from pose.whole import LONGEST_SIDE, MOST_PIXELS

JSON_VERSION = 1.3  # OpenPose 1.5 and later
BODY_KEY = "pose_keypoints_2d"
BODY_25 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist",
    "left_shoulder", "left_elbow", "left_wrist", "mid_hip",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
    "left_big_toe", "left_small_toe", "left_heel",
    "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip
COCO_18 = (*BODY_25[:8], *BODY_25[9:19])  # no middle hip, no feet
MIDDLES = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}
BODIES = {len(names): names for names in (BODY_25, COCO_18)}
# Parts with the same points in the same order, and how many OpenPose has of them: its face ends
# with two pupils, which COCO-WholeBody lacks.
PARTS = {
    "face_keypoints_2d": (FACE, (68, 70)),
    "hand_left_keypoints_2d": (LEFT_HAND, (21,)),
    "hand_right_keypoints_2d": (RIGHT_HAND, (21,)),
}
UNUSED = ("pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d",
          "hand_right_keypoints_3d")  # fmt: skip

UNKNOWN = -1  # a person_id
MOST_PEOPLE = 100  # in a frame
MOST_FPS = 1000.0
MOST_CONFIDENCE = 10.0  # RTMPose's scores may exceed 1 and are cut there; more is another unit


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenPoseFrame:
    """The persons of one frame: ids and (133, 3) of x, y, confidence; confidence 0 is missing."""

    ids: list[int]
    people: list[Floats]
    canvas: tuple[int, int] | None = None  # width, height
    fps: float | None = None


def write_frame(
    people: Sequence[Floats], ids: Sequence[int], size: tuple[int, int], fps: float
) -> dict[str, Any]:
    """A frame as JSON content, with BODY_25; people are (133, 3), coordinates in pixels."""
    content: dict[str, Any] = {
        "version": JSON_VERSION,
        "people": [_person(values, number) for values, number in zip(people, ids, strict=True)],
        "canvas_width": size[0],
        "canvas_height": size[1],
    }
    return content | ({"fps": fps} if fps else {})


def _person(values: Floats, number: int) -> dict[str, Any]:
    values = np.where(values[:, 2:] > 0, values, 0.0)  # OpenPose writes (0, 0, 0) for missing
    person: dict[str, Any] = {"person_id": [number]}
    person[BODY_KEY] = [x for name in BODY_25 for x in _joint(values, name)]
    for key, (part, lengths) in PARTS.items():
        listed = values[part].ravel().tolist()
        person[key] = listed + [0.0] * (3 * max(lengths) - len(listed))
    return person | {key: [] for key in UNUSED}


def _joint(values: Floats, name: str) -> list[float]:
    """x, y, confidence; neck and middle hip are the middle, with the lesser confidence, of two."""
    if name in INDEX:
        return [float(x) for x in values[INDEX[name]]]
    two = values[[INDEX[side] for side in MIDDLES[name]]]
    if not two[:, 2].all():
        return [0.0, 0.0, 0.0]
    return [*(float(x) for x in two[:, :2].mean(axis=0)), float(two[:, 2].min())]


def read_frame(content: Any, where: str) -> OpenPoseFrame:
    """A frame from JSON content of any kind. Raises PoseFileError naming `where` and the key."""
    if not isinstance(content, dict):
        raise PoseFileError(f"{where}: expected an object with 'people', got {_kind(content)}")
    people = content.get("people")
    if not isinstance(people, list):
        raise PoseFileError(f"{where}: 'people' must be a list, got {_kind(people)}")
    if len(people) > MOST_PEOPLE:
        raise PoseFileError(f"{where}: 'people' lists {len(people)}, the limit is {MOST_PEOPLE}")
    wheres = [f"{where}, person {number}" for number in range(len(people))]
    return OpenPoseFrame(
        ids=[_id(person, place) for person, place in zip(people, wheres, strict=True)],
        people=[_values(person, place) for person, place in zip(people, wheres, strict=True)],
        canvas=_canvas(content, where),
        fps=_positive(content, "fps", MOST_FPS, where),
    )


def _canvas(content: dict[str, Any], where: str) -> tuple[int, int] | None:
    width, height = (
        _positive(content, key, LONGEST_SIDE, where) for key in ("canvas_width", "canvas_height")
    )
    return None if width is None or height is None else (math.ceil(width), math.ceil(height))


def _positive(content: dict[str, Any], key: str, most: float, where: str) -> float | None:
    value = content.get(key)
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 < value <= most:
        raise PoseFileError(f"{where}: {key!r} must be a number above 0, at most {most:g}")
    return float(value)


def _id(person: Any, where: str) -> int:
    """The person's number; -1 if it has none."""
    if not isinstance(person, dict):
        raise PoseFileError(f"{where}: expected an object, got {_kind(person)}")
    value = person.get("person_id")
    if isinstance(value, list) and len(value) <= 1:
        value = value[0] if value else None
    if value is None:
        return UNKNOWN
    if type(value) is not int or not UNKNOWN <= value < 2**31:
        raise PoseFileError(f"{where}: 'person_id' must be [-1] or a list of one number")
    return value


def _values(person: dict[str, Any], where: str) -> Floats:
    """(133, 3) of x, y, confidence."""
    values = np.zeros((COUNT, 3))
    body = _triples(person, BODY_KEY, tuple(BODIES), where)
    for name, triple in zip(BODIES.get(len(body), ()), body, strict=True):
        if name in INDEX:
            values[INDEX[name]] = triple
    for key, (part, lengths) in PARTS.items():
        listed = _triples(person, key, lengths, where)
        if len(listed):
            values[part] = listed[: part.stop - part.start]
    return values


def _triples(person: dict[str, Any], key: str, lengths: tuple[int, ...], where: str) -> Floats:
    """(n, 3) of one list; n is one of `lengths`, or 0 if the part is not there."""
    listed = person.get(key)
    if listed is None or listed == []:
        return np.empty((0, 3))
    if not isinstance(listed, list):
        raise PoseFileError(f"{where}: {key!r} must be a list, got {_kind(listed)}")
    if len(listed) not in [3 * length for length in lengths]:
        expected = " or ".join(str(3 * length) for length in lengths)
        raise PoseFileError(f"{where}: {key!r} has {len(listed)} numbers, expected {expected}")
    wrong = next((x for x in listed if type(x) not in (int, float)), None)
    if wrong is not None or None in listed:
        raise PoseFileError(f"{where}: {key!r} holds {_kind(wrong)}, expected numbers")
    if not all(abs(x) <= MOST_PIXELS for x in listed):  # false for NaN
        raise PoseFileError(f"{where}: {key!r} holds a number beyond {MOST_PIXELS:g}")
    triples = np.array(listed, dtype=np.float64).reshape(-1, 3)
    if not ((triples[:, 2] >= 0) & (triples[:, 2] <= MOST_CONFIDENCE)).all():
        raise PoseFileError(f"{where}: {key!r} holds a confidence outside 0 to 1")
    triples[:, 2] = triples[:, 2].clip(0.0, 1.0)
    return triples


def _kind(value: Any) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value",
             type(None): "nothing"}  # fmt: skip
    return names.get(type(value), "a number")
