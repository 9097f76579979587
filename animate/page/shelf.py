"""Where the page puts its results: one folder, in which no name is given twice."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from animate.errors import OutputError

LONGEST = 80  # bytes of each input's name that go into the result's; systems bear 255 in all


class Shelf:
    """A folder for results, made when it is first needed. Raises OutputError if it cannot be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taken: set[str] = set()
        self._one = threading.Lock()

    @contextmanager
    def place(self, parts: Sequence[str], endings: Sequence[str]) -> Iterator[list[Path]]:
        """Paths named by parts, such as a film's and a picture's names, one for each ending.

        A number is added if any of them exists, or is being made by another run; the same parts
        give the same paths until a result is there, so that a stopped run can go on.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.folder}: cannot be made: {error.strerror or error}; choose another folder "
                "with --results"
            ) from error
        stem = "_".join(filter(None, map(plain, parts))) or "result"
        with self._one:
            name = next(name for name in _numbered(stem) if self._free(name, endings))
            self._taken.add(name)
        try:
            yield [self.folder / f"{name}{ending}" for ending in endings]
        finally:
            with self._one:
                self._taken.discard(name)

    def _free(self, name: str, endings: Sequence[str]) -> bool:
        there = any((self.folder / f"{name}{ending}").exists() for ending in endings)
        return not there and name not in self._taken


def plain(text: str) -> str:
    """A name of letters, digits, dots and dashes, which every system and browser bears."""
    name = re.sub(r"[^\w.-]+", "-", text).strip("-._")
    return name.encode(errors="ignore")[:LONGEST].decode(errors="ignore")


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1
