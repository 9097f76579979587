"""Who is who: persons linked over time, and which of them is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from pose.backends import Estimate
from pose.errors import NoPersonError
from pose.likeness import boxes_of, similarity, size_of
from pose.paths import Path, Sighting, follow
from pose.skeleton import BODY, COUNT, Floats, clean

Person = Literal["largest", "all"] | int | tuple[float, float]

# Two detections in a frame are one person from this object keypoint similarity on. Strangers who
# stand in front of each other stay below a half.
DUPLICATE = 0.7
# An identity that is in fewer frames, both counted and as a part of all, is dropped if its body
# joints are doubtful in the mean: a poster or a shadow, seen for a moment.
FEW_FRAMES, FEW_PART, DOUBTFUL = 5, 0.2, 0.5
PERSON_HELP = "expected largest, all, a number from 1 on, or a point x,y in pixels"


def link(
    estimates: Sequence[Estimate], times: Floats, size: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Persons in the same place of every frame, the most prominent first.

    estimates: of every frame, keypoints (P, 133, 2) and scores (P, 133) in any order; times (F,)
    seconds; size (width, height) of the frames. Gives keypoints (F, P, 133, 2), NaN where a person
    is not seen, and scores (F, P, 133). Prominent is who covers most of the picture over time: the
    sum over the frames of the box around the seen joints. Where no two persons are ever seen
    together there is only one, however often and however long he is lost.
    """
    frames = [_sightings(points, values) for points, values in estimates]
    paths = _without_passing(follow(frames, times, size), len(frames))
    if not _together(paths):
        paths = [Path.joined(paths)] if paths else []
    paths.sort(key=lambda path: _prominence(path, size), reverse=True)
    keypoints = np.full((len(frames), len(paths), COUNT, 2), np.nan)
    scores = np.zeros((len(frames), len(paths), COUNT))
    for slot, path in enumerate(paths):
        for frame, seen in path.sightings.items():
            keypoints[frame, slot], scores[frame, slot] = seen.keypoints, seen.scores
    return keypoints, scores


def choose(keypoints: Floats, scores: Floats, person: Person) -> list[int]:
    """The places of the persons that are meant, at least one, in what `link` gives.

    "largest" and 1: the most prominent; "all"; N: the N-th; (x, y) in pixels: who contains that
    point, or else is nearest to it, in the first frame where somebody is seen. Raises
    NoPersonError if there is no such person and ValueError for a value of another kind.
    """
    check_person(person)
    people = keypoints.shape[1]
    if not people:
        raise NoPersonError("no person is seen in any frame")
    if person == "all":
        return list(range(people))
    if isinstance(person, tuple):
        return [_at(keypoints, scores, person)]
    number = 1 if person == "largest" else int(person)
    if number > people:
        known = "only 1 person is" if people == 1 else f"only {people} persons are"
        raise NoPersonError(
            f"person {number} was asked for, but {known} seen; use a number up to {people}, "
            "a point x,y or --person largest"
        )
    return [number - 1]


def check_person(person: Person) -> None:
    """Raise ValueError unless `person` names somebody: see `choose`."""
    if isinstance(person, str):
        valid = person in ("largest", "all")
    elif isinstance(person, tuple):
        valid = len(person) == 2 and all(_is_number(value) for value in person)
    else:
        valid = isinstance(person, (int, np.integer)) and not isinstance(person, bool)
        valid = valid and person >= 1
    if not valid:
        raise ValueError(f"unknown person {person!r}: {PERSON_HELP}")


def parse_person(text: str) -> Person:
    """What `--person` was given: "largest", "all", "2" or "320,480". Raises ValueError."""
    parts = [part.strip() for part in text.split(",")]
    person: Person
    try:
        if parts in (["largest"], ["all"]):
            person = "largest" if parts == ["largest"] else "all"
        elif len(parts) == 1:
            person = int(parts[0])
        else:
            x, y = (float(part) for part in parts)
            person = (x, y)
        check_person(person)
    except ValueError:
        raise ValueError(f"unknown person {text!r}: {PERSON_HELP}") from None
    return person


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and bool(np.isfinite(float(value)))


def _sightings(points: Floats, values: Floats) -> list[Sighting]:
    """The persons of a frame without duplicates, in an order that depends on nothing but them."""
    points, values = clean(points, values)  # of an estimator of anybody's
    seen = [
        Sighting(keypoints, scores, boxes_of(keypoints, scores))
        for keypoints, scores in zip(points, values, strict=True)
    ]
    seen = [one for one in seen if np.isfinite(one.box).all()]
    seen.sort(key=lambda one: (-_clarity(one), one.box.tolist(), one.scores.tolist()))
    kept: list[Sighting] = []
    for one in seen:
        if not any(_same(one, other) for other in kept):
            kept.append(one)
    return kept


def _clarity(seen: Sighting) -> float:
    """The sum of the scores of the body joints: more joints, and surer ones, are clearer."""
    return float(seen.scores[BODY].sum())


def _same(seen: Sighting, other: Sighting) -> bool:
    size = float((size_of(seen.box) + size_of(other.box)) / 2)
    alike = similarity(seen.keypoints, seen.scores, other.keypoints, other.scores, size)
    return alike >= DUPLICATE


def _without_passing(paths: list[Path], frames: int) -> list[Path]:
    """The identities that live long enough or are sure enough; the longest if none is."""

    def lasts(path: Path) -> bool:
        count = len(path.sightings)
        doubt = np.mean([_clarity(seen) for seen in path.sightings.values()]) / (BODY.stop)
        return count >= FEW_FRAMES or count >= FEW_PART * frames or bool(doubt >= DOUBTFUL)

    kept = [path for path in paths if lasts(path)]
    return kept or sorted(paths, key=lambda path: -len(path.sightings))[:1]


def _together(paths: list[Path]) -> bool:
    """Whether any frame shows two of them."""
    frames = [frame for path in paths for frame in path.sightings]
    return len(set(frames)) < len(frames)


def _prominence(path: Path, size: tuple[int, int]) -> float:
    """The area of the person's box inside the picture, summed over the frames, in pixels."""
    boxes = np.array([seen.box for seen in path.sightings.values()])
    sides = boxes.reshape(-1, 2, 2).clip(0, size)
    return float((sides[:, 1] - sides[:, 0]).prod(axis=-1).sum())


def _at(keypoints: Floats, scores: Floats, point: tuple[float, float]) -> int:
    """Who contains a point, or is nearest to it, in the first frame with somebody."""
    frame = int((scores > 0).any(axis=(1, 2)).argmax())
    boxes = boxes_of(keypoints[frame], scores[frame])
    place = np.asarray(point, dtype=np.float64)
    outside = np.maximum(np.maximum(boxes[:, :2] - place, place - boxes[:, 2:]), 0)
    joints = np.linalg.norm(keypoints[frame] - place, axis=-1)
    nearest = np.where(np.isfinite(joints), joints, np.inf).min(axis=-1)
    away = np.nan_to_num(np.linalg.norm(outside, axis=-1), nan=np.inf)
    return int(np.lexsort((nearest, away))[0])
