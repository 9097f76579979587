"""The index of a data set: one JSON line a clip or photograph."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from animate.errors import AnimateError

FILE = "index.jsonl"
CLIPS, POSES, CONTROLS, THUMBS = "clips", "poses", "controls", "thumbs"
# What a row may say: more would only be there to exhaust whoever believes it.
MOST = {"width": 1 << 16, "height": 1 << 16, "frames": 10**6, "fps": 10**4}
MOST_BYTES = 1 << 50  # of a shard
MOST_TOLD = 300  # characters of a complaint, which may quote the line


class DatasetError(AnimateError):
    """A prepared data set is missing or damaged."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One clip, or one photograph (frames 1, fps 0). Paths are relative to the data set.

    poses: a keypoint file (pose.load_poses) with as many frames as the clip; empty if no person
    was looked for. start, stop: seconds in the source. figures: what the rules measured.
    controls: stored control maps by annotator. shard: the tar that holds the files, if they are
    not in folders, and members: where in it, as (offset, bytes) by path.
    """

    name: str
    clip: str
    poses: str
    width: int
    height: int
    frames: int
    fps: float
    source: str
    start: float
    stop: float
    caption: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    controls: dict[str, str] = field(default_factory=dict)
    shard: str = ""
    members: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def still(self) -> bool:
        """Whether it is a photograph."""
        return self.fps == 0

    @property
    def files(self) -> list[str]:
        """The paths of all files that belong to it."""
        return [path for path in (self.clip, self.poses, *self.controls.values()) if path]


def write_index(folder: Path, rows: Iterable[Row]) -> None:
    """Write the index, sorted by name; it appears when it is whole."""
    lines = [json.dumps(asdict(row)) for row in sorted(rows, key=lambda row: row.name)]
    write_text(folder / FILE, "".join(f"{line}\n" for line in lines))


def read_index(folder: Path) -> list[Row]:
    """All rows. Raises DatasetError if the folder is no data set or a line makes no sense."""
    path = folder / FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is no text in UTF-8; prepare the data set again") from error
    except OSError as error:
        raise DatasetError(
            f"{folder} is no prepared data set ({path.name}: {error.strerror or error}); make one "
            "with `animate prepare VIDEOS... -o DATASET`"
        ) from error
    return [_row(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def write_text(path: Path, text: str) -> None:
    """Write a text file that appears when it is whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def row_from(values: dict[str, Any]) -> Row:
    """A row from what JSON gives. Raises TypeError, ValueError or AttributeError for nonsense.

    Nothing in it leads out of the data set: some of these files are removed once they are packed.
    """
    known = {one.name for one in fields(Row)}
    chosen = {name: value for name, value in values.items() if name in known}
    places = chosen.get("members", {})
    chosen["members"] = {path: (int(at), int(size)) for path, (at, size) in places.items()}
    row = Row(**chosen)
    for path in (row.name, row.shard, *row.files, *row.members):
        if not _inside(path):
            raise ValueError(f"{path!r} is no name inside the data set")
    for name, most in MOST.items():
        _check_number(name, getattr(row, name), most)
    for number in (number for place in row.members.values() for number in place):
        _check_number("members", number, MOST_BYTES)
    if row.width * row.height * row.frames == 0:
        raise ValueError("it has no frames")
    return row


def _inside(path: Any) -> bool:
    """Whether a relative path stays below the folder that it starts from."""
    parts = Path(path).parts  # TypeError for what is no text
    return not Path(path).is_absolute() and ".." not in parts and "\0" not in path


def _check_number(name: str, value: Any, most: float) -> None:
    """Raise ValueError unless a value is a number from 0 to the most."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise ValueError(f"{name} expects a number from 0 to {most:g}, got {str(value)[:40]}")


def _row(path: Path, number: int, line: str) -> Row:
    try:
        return row_from(json.loads(line))
    except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        told = str(error)[:MOST_TOLD]
        raise DatasetError(f"{path}, line {number} makes no sense: {told}") from error
