"""OpenPose's JSON, the field's standard for keypoints: one file a frame, or one for all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.errors import NoPersonError, PoseFileError
from pose.folders import find_pictures, natural_key
from pose.identity import link
from pose.openpose_format import UNKNOWN, OpenPoseFrame, read_frame, write_frame
from pose.skeleton import COUNT, Floats, PoseSequence
from pose.sniff import explain_missing
from pose.whole import check_room, whole

SUFFIX = "_keypoints.json"
DEFAULT_FPS = 25.0
MOST_FILE_BYTES = 20_000_000
NORMALISED = 2.0  # if no coordinate is larger, all are in sides of the picture, not in pixels
LEAST_SIDE = 16  # pixels of a picture whose size is estimated


def save_openpose(folder: str | os.PathLike[str], poses: PoseSequence) -> None:
    """Write one file a frame, BODY_25 with face and hands, into a new or empty folder.

    It appears when all files are written. Raises PoseFileError if the folder has content or
    cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PoseFileError(f"{folder} exists already; name a new or an empty folder")
    stem = re.sub(r"[^A-Za-z0-9.-]+", "_", Path(poses.source).stem)[:60] or "frame"
    numbered = len(set(poses.ids)) == poses.people and min(poses.ids, default=0) >= 0
    ids = np.array(poses.ids if numbered else [UNKNOWN] * poses.people, dtype=np.int64)
    with whole(folder) as partial:
        partial.mkdir()
        for index in range(len(poses)):
            points, scores = poses.frame(index)
            there = (scores > 0).any(axis=1)
            people = np.concatenate([points, scores[..., None]], axis=2)[there]
            content = write_frame(list(people), ids[there].tolist(), poses.size, poses.fps)
            text = json.dumps(content, allow_nan=False, separators=(",", ":"))
            (partial / f"{stem}_{index:012d}{SUFFIX}").write_text(text, encoding="ascii")


def find_json(folder: Path) -> list[Path]:
    """The JSON files that hold the frames of a folder, in natural order.

    If there are *_keypoints.json, these; else all, unless the folder holds pictures.
    """
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() == ".json" and p.is_file()]
    except OSError as error:
        raise PoseFileError(f"{folder} cannot be read: {error.strerror or error}") from error
    files = sorted((p for p in found if not p.name.startswith(".")), key=natural_key)
    named = [p for p in files if p.name.endswith(SUFFIX)]
    if named:
        return named
    return [] if files and find_pictures(folder) else files


def read_openpose(
    path: str | os.PathLike[str],
    *,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
) -> PoseSequence:
    """Read a folder of OpenPose files, one such file, or a list of frames in one file.

    fps: the rate if the files state none (default 25). size: (width, height) if they state no
    canvas; without both, the smallest picture that holds every joint. Frames whose numbers are
    missing show nobody. Raises PoseFileError, and NoPersonError if all frames are empty.
    """
    path = Path(path)
    places, frames = _read_folder(path) if path.is_dir() else _read_file(path)
    if not any(frame.people for frame in frames):
        raise NoPersonError(f"{path}: no frame holds a person")
    size, scale = _size(path, frames, size)
    rate = next((frame.fps for frame in frames if frame.fps), None) or fps or DEFAULT_FPS
    count = places[-1] + 1
    times = np.arange(count) / rate
    people = [OpenPoseFrame(ids=[], people=[])] * count
    for place, frame in zip(places, frames, strict=True):
        people[place] = frame
    ids, keypoints, scores = _in_slots(path, people, scale, times, size)
    return PoseSequence(
        keypoints=keypoints,
        scores=scores,
        crowd=np.array([len(frame.people) for frame in people]),
        ids=ids,
        size=size,
        fps=rate,
        times=times,
        backend="openpose",
        source=path.name,
    )


def _in_slots(
    path: Path,
    frames: Sequence[OpenPoseFrame],
    scale: Floats,
    times: Floats,
    size: tuple[int, int],
) -> tuple[tuple[int, ...], Floats, Floats]:
    """Ids (P,), keypoints (F, P, 133, 2) and scores: by the files' ids, or linked without them."""
    known = {number for frame in frames for number in frame.ids}
    if UNKNOWN in known or any(len(set(frame.ids)) < len(frame.ids) for frame in frames):
        check_room(path, len(frames), max(len(frame.people) for frame in frames))
        people = [np.reshape(frame.people, (-1, COUNT, 3)) for frame in frames]
        keypoints, scores = link([_split(values, scale) for values in people], times, size)
        return tuple(range(1, keypoints.shape[1] + 1)), keypoints, scores
    ids = tuple(sorted(known))
    check_room(path, len(frames), len(ids))
    slots = {number: slot for slot, number in enumerate(ids)}
    values = np.zeros((len(frames), len(ids), COUNT, 3))
    for index, frame in enumerate(frames):
        for number, person in zip(frame.ids, frame.people, strict=True):
            values[index, slots[number]] = person
    return ids, *_split(values, scale)


def _split(values: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Keypoints (..., 133, 2), NaN where missing, and scores (..., 133)."""
    scores = values[..., 2]
    return np.where(scores[..., None] > 0, values[..., :2] * scale, np.nan), scores


def _size(
    path: Path, frames: Sequence[OpenPoseFrame], size: tuple[int, int] | None
) -> tuple[tuple[int, int], Floats]:
    """Size of the picture, and what the coordinates (x, y) must be multiplied by."""
    canvases = {frame.canvas for frame in frames if frame.canvas}
    if len(canvases) > 1:
        one, other = sorted(canvases)[:2]
        raise PoseFileError(f"{path}: frames of two sizes, {one[0]}x{one[1]} and "
                            f"{other[0]}x{other[1]}; expected one")  # fmt: skip
    size = next(iter(canvases), size)
    seen = np.concatenate([person[person[:, 2] > 0] for f in frames for person in f.people])
    if len(seen) and np.abs(seen[:, :2]).max() <= NORMALISED:
        if size is None:
            raise PoseFileError(
                f"{path}: the coordinates are in sides of a picture of unknown size; add "
                "canvas_width and canvas_height"
            )
        return size, np.array(size, dtype=np.float64)
    if size is None:
        right, bottom = np.ceil(seen[:, :2].max(axis=0, initial=LEAST_SIDE)).astype(int)
        size = (int(right), int(bottom))
    return size, np.ones(2)


def _read_folder(folder: Path) -> tuple[list[int], list[OpenPoseFrame]]:
    """The place of each file in the sequence, and what it holds."""
    files = find_json(folder)
    if not files:
        raise PoseFileError(f"{folder} holds no JSON; expected files NAME_000000000000{SUFFIX}")
    if len(files) == 1:
        return _read_file(files[0])
    places = _places(folder, files)
    check_room(folder, places[-1] + 1, 1)
    frames: list[OpenPoseFrame] = []
    poses = 0
    for file in files:
        found = _frames(file)
        if len(found) > 1:
            raise PoseFileError(f"{file} holds {len(found)} frames; expected one, as in the others")
        frames += found
        poses += len(found[0].people)
        check_room(folder, poses, 1)
    return places, frames


def _places(folder: Path, files: Sequence[Path]) -> list[int]:
    """Each file's place by the last number in its name; evenly spaced numbers leave no gaps."""
    found = [re.findall(r"\d+", file.name[: -len(file.suffix)]) for file in files]
    if not all(found):
        return list(range(len(files)))
    numbers = [int(digits[-1]) for digits in found]
    steps = {after - before for before, after in pairwise(numbers)}
    if min(steps, default=1) < 1:
        raise PoseFileError(f"{folder}: the file numbers do not increase; are there two videos?")
    if len(steps) <= 1:
        return list(range(len(files)))
    return [number - numbers[0] for number in numbers]


def _read_file(path: Path) -> tuple[list[int], list[OpenPoseFrame]]:
    frames = _frames(path)
    return list(range(len(frames))), frames


def _frames(path: Path) -> list[OpenPoseFrame]:
    """The frames of one file; most hold one."""
    content = _load(path)
    if not isinstance(content, list):
        return [read_frame(content, str(path))]
    if not content:
        raise PoseFileError(f"{path} holds no frame")
    check_room(path, len(content), 1)
    return [read_frame(entry, f"{path}, frame {index}") for index, entry in enumerate(content)]


def _load(path: Path) -> Any:
    """The content of a JSON file. Raises PoseFileError."""
    missing = explain_missing(path)
    if missing:
        raise PoseFileError(missing)
    if path.stat().st_size > MOST_FILE_BYTES:
        raise PoseFileError(
            f"{path} is larger than {MOST_FILE_BYTES // 1_000_000} MB, the limit for OpenPose "
            "JSON; write one file a frame"
        )
    try:
        return json.loads(path.read_bytes(), parse_constant=_no_number)
    except RecursionError as error:
        raise PoseFileError(f"{path} is nested too deeply for OpenPose JSON") from error
    except (ValueError, MemoryError) as error:
        reason = (str(error).splitlines() or ["too large"])[0][:200]
        raise PoseFileError(f"{path} is damaged or no JSON: {reason}") from error
    except OSError as error:
        raise PoseFileError(f"{path} cannot be read: {error.strerror or error}") from error


def _no_number(name: str) -> NDArray[np.float64]:
    raise ValueError(f"{name} is no number in JSON")
