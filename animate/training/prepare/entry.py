"""What is noted of every clip that was ever looked at, kept or dropped."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from animate.training.prepare.index import MOST_TOLD, DatasetError, Row, row_from, write_text
from animate.training.prepare.rules import Breach, breaches

STATE = ".prepare"  # of the data set: what is done, and clips that are not yet examined
SOURCES, ENTRIES, WAITING = f"{STATE}/sources", f"{STATE}/entries", f"{STATE}/waiting"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A stretch of a source: waiting to be examined, kept (with a row) or dropped (with breaches).

    file: its name in WAITING; start, stop: seconds; first, last: frames of the source at `fps`.
    """

    name: str
    source: str
    file: str = ""
    start: float = 0.0
    stop: float = 0.0
    first: int = 0
    last: int = 0
    fps: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    breaches: tuple[Breach, ...] = ()
    reason: str = ""  # why it cannot be read
    thumb: str = ""  # relative to the data set
    row: Row | None = None

    @property
    def still(self) -> bool:
        """Whether it is a photograph."""
        return self.fps == 0

    def lines(self) -> list[str]:
        """Why it was dropped, for people."""
        told = [breach.line() for breach in self.breaches]
        return [f"{told[0]}: {self.reason}", *told[1:]] if self.reason and told else told


def unreadable(entry: Entry, error: Exception) -> Entry:
    """The entry, dropped because of what reading it raised."""
    figures = {**entry.figures, "readable": 0.0}
    return replace(entry, figures=figures, breaches=breaches(figures, {}), reason=str(error))


def write_entries(path: Path, entries: list[Entry]) -> None:
    """Note what became of a source or a clip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps([asdict(entry) for entry in entries]))


def read_entries(path: Path) -> list[Entry]:
    """What was noted. Raises DatasetError."""
    try:
        return [_entry(values) for values in json.loads(path.read_text(encoding="utf-8"))]
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise DatasetError(
            f"{path} is damaged ({str(error)[:MOST_TOLD]}); remove it, and the same command looks "
            "at that film again"
        ) from error


def noted(folder: Path, kind: str) -> dict[str, Path]:
    """The notes of a kind (SOURCES or ENTRIES) by the name they are about."""
    return {path.stem: path for path in sorted((folder / kind).glob("*.json"))}


def _entry(values: dict[str, Any]) -> Entry:
    values["breaches"] = tuple(Breach(**breach) for breach in values["breaches"])
    values["row"] = row_from(values["row"]) if values["row"] else None
    return Entry(**values)
