"""An engine in this process: tasks are done by functions that a test gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from animate.batch.engines.base import Event, Kind, Task
from animate.batch.worker import Made

Work = Callable[[Task], Event]


def made(task: Task) -> Event:
    """The end of a task that went well."""
    if task.kind == "track":
        assert task.poses is not None
        task.poses.touch()
        return Event(kind="tracked", task=task)
    Path(task.job.output).touch()
    return Event(kind="made", task=task, made=Made(seconds=1.0, frames=3, figures=None, strip=None))


class ListEngine:
    """Takes so many tasks at once, notes their names, and ends them in their order."""

    def __init__(self, work: Work = made, workers: int = 2) -> None:
        self.work, self.workers = work, workers
        self.tasks: list[Task] = []
        self.most = 0
        self._under_way: list[Task] = []

    def __enter__(self) -> ListEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def room(self, kind: Kind) -> int:
        return self.workers - len(self._under_way)

    def submit(self, task: Task) -> None:
        assert self.room(task.kind) > 0
        self.tasks.append(task)
        self._under_way.append(task)
        self.most = max(self.most, len(self._under_way))

    def wait(self, seconds: float) -> list[Event]:
        return [self.work(self._under_way.pop(0))] if self._under_way else []
