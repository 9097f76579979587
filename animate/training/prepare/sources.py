"""The films and photographs that are given, and the names of what is made from them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from animate.errors import UsageError
from pose.folders import PICTURE_SUFFIXES, natural_key

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif")
BLOCK = 1 << 20  # bytes that are hashed at a time
DIGITS = 8  # of the hash that make a name unlike all others
LONGEST_STEM = 48  # characters


@dataclass(frozen=True)
class Source:
    """A file to prepare. name: from its name and its content; still: a photograph."""

    path: Path
    name: str
    still: bool


def find_files(given: Iterable[Path], apart_from: Path) -> list[Path]:
    """The films and pictures among files and in folders, those below too, in natural order.

    What lies in `apart_from` or is hidden is left out. Raises UsageError for what does not exist
    and if there is nothing.
    """
    found: dict[Path, Path] = {}
    for path in given:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder; check the name")
        for file in _below(path) if path.is_dir() else [path]:
            resolved = file.resolve()
            if not resolved.is_relative_to(apart_from.resolve()):
                found.setdefault(resolved, file)
    if not found:
        kinds = " ".join((*VIDEO_SUFFIXES, *PICTURE_SUFFIXES))
        raise UsageError(f"nothing to prepare: no file there ends in {kinds}")
    return list(found.values())


def identify(path: Path) -> Source:
    """Name a file by its content, so that a moved or doubled one is known again."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", path.stem)[:LONGEST_STEM].strip("_") or "clip"
    still = path.suffix.lower() in PICTURE_SUFFIXES
    return Source(path, f"{stem}-{digest.hexdigest()[:DIGITS]}", still)


def _below(folder: Path) -> Iterator[Path]:
    known = (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES)
    for path in sorted(folder.iterdir(), key=natural_key):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _below(path)
        elif path.suffix.lower() in known:
            yield path
