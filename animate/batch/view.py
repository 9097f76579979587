"""How a batch is watched: a live table on a terminal, lines elsewhere, JSON for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any, Protocol

from animate.batch.places import short_names
from animate.batch.record import Record
from animate.batch.run import News
from animate.batch.store import DONE, FAILED, RUNNING, WAITING
from animate.progress import LABELS

ROWS = 12  # jobs in the table besides those that run
TELL = ("tracking", "started", "done", "failed", "again")  # what is worth a line
# Shares of a job's time by stage, for its bar: of the embedded model, 24 frames and 2 steps.
SHARES = {"track": 0.0, "load": 0.05, "denoise": 0.6, "decode": 0.2, "judge": 0.15}


@dataclass
class Standing:
    """A job as it is shown."""

    output: str
    name: str  # short, for people
    state: str
    share: float = 0.0  # done of it
    stage: str = ""
    seconds: float | None = None
    since: float = 0.0
    body: float | None = None  # of its joints, the share that is right
    verdict: str = ""
    text: str = ""


class View(Protocol):
    """Hears all news; a context manager."""

    def __enter__(self) -> View: ...

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, news: News) -> None: ...


class Board:
    """Where every job stands, by the news."""

    def __init__(self, records: Sequence[Record], workers: int) -> None:
        names = short_names([record.output for record in records])
        self.jobs = {one.output: _standing(one, names[one.output]) for one in records}
        self.workers = workers
        self.last: list[str] = []  # outputs, the latest ended last
        self._spent: list[float] = []

    def hear(self, news: News) -> Standing | None:
        """Take a piece of news in; the job that it is about."""
        job = self.jobs.get(news.output)
        if job is None:
            return None
        if news.kind in ("started", "tracking"):
            job.state, job.since, job.share = RUNNING, time.monotonic(), 0.0
            job.stage = "track" if news.kind == "tracking" else "load"
        elif news.kind == "progress":
            job.stage, job.share = news.stage, _share(news)
        elif news.kind == "again":
            job.state, job.text, job.share = WAITING, news.text, 0.0
        elif news.kind in ("done", "failed"):
            job.state = DONE if news.kind == "done" else FAILED
            job.share, job.seconds, job.text = 1.0, news.seconds, news.text
            job.body, job.verdict = fidelity(news.figures)
            self.last = [*self.last, job.output][-ROWS:]
            if news.kind == "done":
                self._spent = [*self._spent, news.seconds][-100:]
        return job

    def counts(self) -> dict[str, int]:
        """How many jobs there are of each state."""
        told = dict.fromkeys((DONE, RUNNING, WAITING, FAILED), 0)
        for job in self.jobs.values():
            told[job.state] += 1
        return told

    def left(self) -> float | None:
        """Seconds until the last job is done; None before anything is known of it."""
        if not self._spent:
            return None
        open_jobs = [job for job in self.jobs.values() if job.state in (WAITING, RUNNING)]
        share = sum(1 - job.share for job in open_jobs)
        return share * sum(self._spent) / len(self._spent) / self.workers

    def summary(self) -> str:
        """Counts and time left in one line."""
        counts = self.counts()
        told = ", ".join(f"{number} {state}" for state, number in counts.items())
        left = self.left()
        return told if left is None else f"{told}; about {clock(left)} left"


class Lines:
    """A line for each job that starts or ends."""

    def __init__(self, board: Board, stream: IO[str] | None = None, *, quiet: bool = False) -> None:
        self.board = board
        self._stream = stream or sys.stdout
        self._quiet = quiet

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, news: News) -> None:
        job = self.board.hear(news)
        if job is None or news.kind not in TELL or (self._quiet and news.kind != "failed"):
            return
        print(_line(news, job, self.board), file=self._stream, flush=True)


class Events:
    """One JSON object a line for whatever happens, first for what failed before."""

    def __init__(self, board: Board, stream: IO[str] | None = None) -> None:
        self.board = board
        self._stream = stream or sys.stdout

    def __enter__(self) -> Events:
        for job in self.board.jobs.values():
            if job.state == FAILED:
                self._tell(News(kind="failed", output=job.output, text=job.text))
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, news: News) -> None:
        self.board.hear(news)
        if news.kind != "tick":
            self._tell(news)

    def _tell(self, news: News) -> None:
        told = {name: value for name, value in asdict(news).items() if value not in ("", None)}
        told |= {"time": time.time(), "counts": self.board.counts(), "left": self.board.left()}
        print(json.dumps(told), file=self._stream, flush=True)


class Table:
    """A live table on a terminal: what runs, what ended last, what waits."""

    def __init__(self, board: Board) -> None:
        from rich.console import Console
        from rich.live import Live

        self.board = board
        self._live: Any = Live(
            get_renderable=self._draw, console=Console(), refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Table:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, news: News) -> None:
        job = self.board.hear(news)
        if job is not None and news.kind == "failed":
            self._live.console.print(_line(news, job, self.board), markup=False, highlight=False)

    def _draw(self) -> Any:
        from rich.table import Table as Grid
        from rich.text import Text

        grid = Grid(title=self.board.summary(), title_justify="left", expand=True)
        for name in ("job", "state", "progress", "left", "fidelity"):
            grid.add_column(name, justify="left" if name in ("job", "state") else "right")
        for job in self._shown():
            grid.add_row(*map(Text, _cells(job)))  # names may hold brackets, which are no markup
        return grid

    def _shown(self) -> list[Standing]:
        running = [job for job in self.board.jobs.values() if job.state == RUNNING]
        ended = [self.board.jobs[output] for output in self.board.last]
        waiting = (job for job in self.board.jobs.values() if job.state == WAITING)
        room = max(0, ROWS - len(ended))
        return [*ended, *running, *(job for job, _ in zip(waiting, range(room), strict=False))]


def fidelity(figures: dict[str, Any] | None) -> tuple[float | None, str]:
    """Of the judge's figures: the share of the body's joints that are right, and the verdict."""
    if not figures:
        return None, ""
    return (figures.get("motion") or {}).get("body"), str(figures.get("verdict", ""))


def _standing(record: Record, name: str) -> Standing:
    body, verdict = fidelity(record.figures)
    return Standing(
        record.output, name, record.state, float(record.state == DONE), seconds=record.seconds,
        body=body, verdict=verdict, text=record.error or "",
    )  # fmt: skip


def _share(news: News) -> float:
    """How much of a job is done when a stage is."""
    before = 0.0
    for stage, share in SHARES.items():
        if stage == news.stage:
            return before + share * news.done / max(1, news.total)
        before += share
    return before


def _line(news: News, job: Standing, board: Board) -> str:
    state = "tracking" if news.kind == "tracking" else job.state
    place = f"{state:<9}{job.name}"
    if news.kind == "done":
        good = "" if job.body is None else f", {job.body:.2f} of the joints right, {job.verdict}"
        helped = f", {news.text}" if news.text else ""
        return f"{place}: {news.seconds:.1f} s{helped}{good} ({board.summary()})"
    if news.kind == "again":
        return f"{place}: again in {news.seconds:.0f} s; {news.text}"
    return f"{place}: {news.text}" if news.text else place


def _cells(job: Standing) -> tuple[str, str, str, str, str]:
    left = ""
    if job.state == RUNNING and job.share > 0.1:
        spent = time.monotonic() - job.since
        left = clock(spent * (1 - job.share) / job.share)
    state = (
        f"{job.state}: {LABELS.get(job.stage, job.stage)}" if job.state == RUNNING else job.state
    )
    good = "" if job.body is None else f"{job.body:.2f} {job.verdict}"
    return job.name, state, f"{job.share:.0%}", left, good


def clock(seconds: float) -> str:
    """Minutes and seconds, or hours too."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
