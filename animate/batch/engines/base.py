"""What the batch and its engines say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol

from animate.batch.failures import Failure
from animate.batch.jobs import Job
from animate.batch.worker import Made

Kind = Literal["track", "make"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One piece of work. poses: the file of the film's poses, which "track" writes and "make"
    reads; None if there is no film to track. replaces: see Worker.make."""

    kind: Kind
    job: Job
    poses: Path | None
    replaces: str | None = None

    @property
    def name(self) -> str:
        """No two tasks under way have the same."""
        return f"{self.kind} {self.poses if self.kind == 'track' else self.job.output}"


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened to a task.

    progress: `stage`, `done`, `total`. tracked: the poses' file is there. made: `made` tells.
    failed: `failure` tells. lost: the worker has ended, or its machine is gone.
    """

    kind: Literal["progress", "tracked", "made", "failed", "lost"]
    task: Task
    stage: str = ""
    done: int = 0
    total: int = 0
    made: Made | None = None
    failure: Failure | None = None


class Engine(Protocol):
    """Workers, as the batch sees them; entered once, and on leaving everything is stopped."""

    def __enter__(self) -> Engine: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    @property
    def workers(self) -> int:
        """How many tasks of the kind "make" could run at once."""
        ...

    def room(self, kind: Kind) -> int:
        """How many more tasks of a kind can be taken now; the batch holds the others back."""
        ...

    def submit(self, task: Task) -> None:
        """Begin a task, for which there is room."""
        ...

    def wait(self, seconds: float) -> list[Event]:
        """What happened, as soon as something did, at the latest after some seconds."""
        ...
