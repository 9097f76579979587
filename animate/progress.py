"""How long work reports: a callback, and the bars that the command draws from it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any

# progress(stage, done, total); stages: see LABELS
Progress = Callable[[str, int, int], None]
Report = Callable[[str], None]

LABELS = {
    "load": "Loading the model",
    "track": "Tracking the dancer",
    "draw": "Drawing skeletons",
    "overlay": "Drawing over the film",
    "annotate": "Making control maps",
    "enlarge": "Enlarging",
    "judge": "Judging the result",
    "denoise": "Denoising",
    "decode": "Decoding and writing",
    "identify": "Reading the files",
    "survey": "Cutting into clips",
    "examine": "Examining clips",
}


def ignore(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def unheard(line: str) -> None:
    """A report that nobody reads."""


class StageBars:
    """A bar with an ETA per stage on a terminal, a line per finished stage elsewhere.

    Use as a context manager and as the progress callback. `seconds` holds every stage's duration.
    """

    def __init__(self, *, quiet: bool = False, stream: IO[str] | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._started: dict[str, float] = {}
        self._tasks: dict[str, Any] = {}
        self._bars: Any = None

    def __enter__(self) -> StageBars:
        if not self._quiet and self._stream.isatty():
            self._bars = _rich_bars(self._stream)
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        start = self._started.setdefault(stage, time.monotonic())
        if self._bars is not None:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(LABELS.get(stage, stage), total=total)
            self._bars.update(self._tasks[stage], completed=done, total=total)
        if done >= total and stage not in self.seconds:
            self.seconds[stage] = time.monotonic() - start
            if self._bars is None and not self._quiet:
                self._print_line(stage, total)

    def _print_line(self, stage: str, total: int) -> None:
        amount = f"{total} in " if total > 1 else ""
        line = f"{LABELS.get(stage, stage)}: {amount}{self.seconds[stage]:.1f} s"
        print(line, file=self._stream, flush=True)

    def summary(self) -> str:
        """All stage times in one line, in the order in which the stages ended."""
        return ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in self.seconds.items())


def _rich_bars(stream: IO[str]) -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    width = max(map(len, LABELS.values()))
    return Progress(
        TextColumn(f"{{task.description:<{width}}}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(file=stream),
        redirect_stdout=sys.stdout.isatty(),  # lines go above the bars, unless they go to a file
    )
