"""Runs of the page: work in a thread of its own, watched from the page's, stopped by its user."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from animate.progress import Progress, Report

Done = TypeVar("Done")
Work = Callable[[Progress, Report], Done]

# Stages before the first one that the work tells: another run is at work; this one is now.
WAITING, BEGUN = "wait", "begin"
SHORTEST = 0.2  # seconds between two looks at a run: what a browser can show in peace


class Stopped(BaseException):
    """Thrown into the work at its next word of progress; it leaves as it does at an interrupt."""


@dataclass(frozen=True)
class Sight:
    """A run at one moment. since: seconds that the stage has taken so far."""

    stage: str
    done: int
    total: int
    since: float
    lines: tuple[str, ...]

    @property
    def left(self) -> float | None:
        """Seconds that the stage will probably take from now on; None if nobody can tell."""
        if not 0 < self.done <= self.total:
            return None
        return self.since / self.done * (self.total - self.done)


class Run(Generic[Done]):
    """Work that was begun. `watch` tells how far it is, `result` how it ended."""

    def __init__(self, work: Work[Done], turn: threading.Lock) -> None:
        self._turn = turn
        self._work = work
        self._news = threading.Condition()
        self._stage, self._done, self._total, self._began = WAITING, 0, 0, time.monotonic()
        self._lines: list[str] = []
        self._stopping = threading.Event()
        self._made: Done
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="run of the page", daemon=True)
        self._thread.start()

    def watch(self) -> Iterator[Sight]:
        """How far the work is, whenever that changed, until it has ended."""
        seen: tuple[object, ...] | None = None
        while self._thread.is_alive():
            now = (self._stage, self._done, self._total, len(self._lines))
            if now != seen:
                seen = now
                yield self.sight()
            with self._news:
                self._news.wait(timeout=1.0)
            self._stopping.wait(timeout=SHORTEST)

    def sight(self) -> Sight:
        """How far the work is now."""
        with self._news:
            since = time.monotonic() - self._began
            return Sight(self._stage, self._done, self._total, since, tuple(self._lines))

    def stop(self) -> None:
        """End the work at its next word; what it has written in part is removed."""
        self._stopping.set()
        with self._news:
            self._news.notify_all()

    def result(self) -> Done:
        """What the work made, once it has ended. Raises what it raised, or Stopped."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._made

    def wait(self, seconds: float) -> None:
        """Give the work so long to end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            with self._own_turn():
                self._made = self._work(self._progress, self._report)
        except BaseException as error:
            self._error = error
        finally:
            with self._news:
                self._news.notify_all()

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        while not self._turn.acquire(timeout=SHORTEST):
            self._check()
        try:
            self._progress(BEGUN, 0, 0)
            yield
        finally:
            self._turn.release()

    def _progress(self, stage: str, done: int, total: int) -> None:
        self._check()
        with self._news:
            if stage != self._stage:
                self._stage, self._began = stage, time.monotonic()
            self._done, self._total = done, total
            self._news.notify_all()

    def _report(self, line: str) -> None:
        self._check()
        with self._news:
            self._lines.append(line)
            self._news.notify_all()

    def _check(self) -> None:
        if self._stopping.is_set():
            raise Stopped


class Desk:
    """Where the page's runs are done, one at a time, each known by its user and tab."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._runs: dict[tuple[str, str], Run[Any]] = {}
        self._closed = False

    @contextmanager
    def run(self, user: str, tab: str, work: Work[Done]) -> Iterator[Run[Done]]:
        """Begin work; leaving stops it if it has not ended, as does the user's next in this tab."""
        self.stop(user, tab)
        if self._closed:
            raise Stopped
        run = self._runs[user, tab] = Run(work, self._turn)
        try:
            yield run
        finally:
            run.stop()
            if self._runs.get((user, tab)) is run:
                del self._runs[user, tab]

    def stop(self, user: str, tab: str | None = None) -> None:
        """Stop the user's run in this tab, or in every one."""
        for (its_user, its_tab), run in list(self._runs.items()):
            if its_user == user and tab in (None, its_tab):
                run.stop()

    def close(self, seconds: float = 30.0) -> None:
        """Stop every run, begin no more, and give them so long to clean up."""
        self._closed = True
        runs = list(self._runs.values())
        for run in runs:
            run.stop()
        for run in runs:
            run.wait(seconds)
