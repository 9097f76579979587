"""Lists of jobs, and a store that is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from animate.batch.jobs import Job
from animate.batch.store import Store

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Put a list of jobs, and empty files that it names, into a folder."""

    def put(name: str, text: str, *files: str) -> Path:
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return put


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as opened:
        yield opened


def make_jobs(folder: Path, count: int, *words: str) -> list[Job]:
    """Jobs that differ in their outputs; the films are there, and empty."""
    film = folder / "film.mp4"
    film.touch()
    return [
        Job(line=n + 1, driving=str(film), ref="ref.png", output=str(folder / f"{n}.mp4"),
            words=words)
        for n in range(count)
    ]  # fmt: skip
