"""The batch itself: which task next, what to do when one fails, and everything into the store."""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from animate.batch import places
from animate.batch.engines.base import Engine, Event, Task
from animate.batch.failures import Failure
from animate.batch.record import Record
from animate.batch.store import DONE, FAILED, POSES, RUNNING, WAITING, Store

RETRIES = 3  # attempts of a job whose errors may pass
BACK_OFF, MOST_BACK_OFF = 2.0, 60.0  # seconds before the second attempt, doubled with each further
# A job that is at work when its worker is lost is no proof of anything, until it is so often.
MOST_LOSSES = 20
WAKE = 0.5  # seconds; the view is drawn as often
AHEAD = 2  # films tracked ahead, for each worker

Watch = Callable[["News"], None]


@dataclass(frozen=True, kw_only=True)
class News:
    """What a view is told. tick: time has passed. started, tracking, progress, done, failed,
    again (it will be tried again; `text` says why): of one job, by its output."""

    kind: Literal["tick", "tracking", "started", "progress", "done", "failed", "again"]
    output: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    text: str = ""
    figures: dict[str, Any] | None = None


@dataclass(eq=False)
class _Film:
    """Poses that jobs wait for."""

    poses: Path
    jobs: list[str] = field(default_factory=list)
    under_way: bool = False
    attempts: int = 0


class Batch:
    """Runs the waiting jobs of a store on an engine, in their order.

    tracked: outputs of the jobs whose film has to be tracked first.
    """

    def __init__(
        self, store: Store, engine: Engine, *, tracked: Iterable[str], watch: Watch,
        retries: int = RETRIES, back_off: float = BACK_OFF,
    ) -> None:  # fmt: skip
        self.store, self.engine, self.watch = store, engine, watch
        self.retries, self.back_off = retries, back_off
        self._records: dict[str, Record] = {
            record.output: record for record in store.records() if record.state == WAITING
        }
        self._attempts = {output: record.attempts for output, record in self._records.items()}
        self._losses = {output: record.losses for output, record in self._records.items()}
        self._films: dict[Path, _Film] = {}
        self._film_of: dict[str, _Film] = {}
        self._ready: list[tuple[int, str]] = []  # a heap, by position
        self._later: list[tuple[float, int, str]] = []  # a heap, by the time of the next attempt
        self._running: set[str] = set()
        self._sort_out(set(tracked))

    def run(self) -> dict[str, int]:
        """Work until no job waits or runs; how many there are of each state."""
        while self._ready or self._later or self._running or self._films:
            self._wake_sleepers()
            self._fill()
            for event in self.engine.wait(WAKE):
                self._hear(event)
            self.watch(News(kind="tick"))
        return self.store.counts()

    def _sort_out(self, tracked: set[str]) -> None:
        """Jobs whose poses are there, or need none, are ready; the others wait for a film."""
        for output, record in self._records.items():
            film = None
            if output in tracked:
                try:
                    poses = self.store.folder / POSES / f"{record.job.tracking}.npz"
                except OSError as error:
                    self._fail(output, Failure(" ".join(str(error).split()), False))
                    continue
                film = self._films.setdefault(poses, _Film(poses))
                film.jobs.append(output)
                self._film_of[output] = film
            if film is None or film.poses.exists():
                heapq.heappush(self._ready, (record.position, output))
        self._films = {path: film for path, film in self._films.items() if not path.exists()}

    def _wake_sleepers(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            _, position, output = heapq.heappop(self._later)
            film = self._film_of.get(output)
            if film is not None and film.poses in self._films:  # the film is what failed
                film.under_way = False
            else:
                heapq.heappush(self._ready, (position, output))

    def _fill(self) -> None:
        """Give the engine what it has room for, and no more."""
        while self._ready and self.engine.room("make") > 0:
            self._make(heapq.heappop(self._ready)[1])
        under_way = sum(film.under_way for film in self._films.values())
        for film in self._films.values():
            waiting = len(self._ready) + under_way
            if self.engine.room("track") <= 0 or waiting >= AHEAD * self.engine.workers:
                return
            if not film.under_way:
                film.under_way = True
                under_way += 1
                job = self._records[film.jobs[0]].job
                self.engine.submit(Task(kind="track", job=job, poses=film.poses))
                self.watch(News(kind="tracking", output=job.output))

    def _make(self, output: str) -> None:
        record, film = self._records[output], self._film_of.get(output)
        replaces = record.replaces
        if not record.began:  # from here on, another file there is ours
            replaces = places.print_of(output)
            self._records[output] = replace(record, began=True, replaces=replaces)
        self.store.update(output, state=RUNNING, began=1, replaces=replaces)
        self._running.add(output)
        poses = None if film is None else film.poses
        self.engine.submit(Task(kind="make", job=record.job, poses=poses, replaces=replaces))
        self.watch(News(kind="started", output=output))

    def _hear(self, event: Event) -> None:
        output = event.task.job.output
        if event.kind == "progress":
            self.watch(
                News(kind="progress", output=output, stage=event.stage, done=event.done,
                     total=event.total)
            )  # fmt: skip
        elif event.kind == "tracked":
            self._tracked(event.task)
        elif event.kind == "made":
            self._made(event)
        else:
            self._went_wrong(event)

    def _tracked(self, task: Task) -> None:
        assert task.poses is not None
        for output in self._films.pop(task.poses).jobs:
            heapq.heappush(self._ready, (self._records[output].position, output))

    def _made(self, event: Event) -> None:
        made, output = event.made, event.task.job.output
        assert made is not None
        figures = None if made.figures is None else json.dumps(made.figures)
        self.store.update(
            output, state=DONE, seconds=made.seconds, frames=made.frames, figures=figures,
            strip=made.strip, error=None, passing=0,
        )  # fmt: skip
        self._running.discard(output)
        text = f"{made.helped} windows by idle workers" if made.helped else ""
        self.watch(
            News(kind="done", output=output, seconds=made.seconds, figures=made.figures, text=text)
        )

    def _went_wrong(self, event: Event) -> None:
        """Try again what may pass, after a while; a worker that was lost is no fault of the job."""
        lost = event.kind == "lost"
        failure = event.failure or Failure("the worker that had it was lost", True)
        if event.task.kind == "track":
            assert event.task.poses is not None
            film = self._films[event.task.poses]
            film.attempts += 1
            most = MOST_LOSSES if lost else self.retries
            if failure.passing and film.attempts < most:
                self._sleep(film.jobs[0], 0.0 if lost else self._pause(film.attempts), failure)
                return
            for output in self._films.pop(film.poses).jobs:
                self._fail(output, failure)
            return
        output = event.task.job.output
        self._running.discard(output)
        counts, most = (self._losses, MOST_LOSSES) if lost else (self._attempts, self.retries)
        counts[output] += 1
        self.store.update(
            output, state=WAITING, attempts=self._attempts[output], losses=self._losses[output]
        )
        if failure.passing and counts[output] < most:
            self._sleep(output, 0.0 if lost else self._pause(counts[output]), failure)
        else:
            self._fail(output, failure)

    def _sleep(self, output: str, seconds: float, failure: Failure) -> None:
        position = self._records[output].position
        heapq.heappush(self._later, (time.monotonic() + seconds, position, output))
        self.watch(News(kind="again", output=output, seconds=seconds, text=failure.text))

    def _pause(self, attempts: int) -> float:
        return min(self.back_off * 2.0 ** (attempts - 1), MOST_BACK_OFF)

    def _fail(self, output: str, failure: Failure) -> None:
        self.store.update(output, state=FAILED, error=failure.text, passing=int(failure.passing))
        self.watch(News(kind="failed", output=output, text=failure.text))
