"""Worker processes of this machine, replaced when they are lost."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType

from animate.batch.engines.base import Event, Kind, Task
from animate.batch.engines.process import END
from animate.batch.failures import Failure
from animate.batch.worker import Made, default_workers, only_gpu
from animate.errors import AnimateError
from pose.wire import Message, receive, send

# What a process runs: it gets the folders to import from, and never the caller's script.
PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from animate.batch.engines.process import main; main(sys.argv[2])"
)
MOST_FALSE_STARTS = 3  # of workers, one after the other, that end before they are ready
PATIENCE = 12.0  # seconds in which workers clean up before they are stopped
LOG_TAIL = 300  # characters of what a worker said last that go into an error message

Post = tuple["_Process", Message | None]


class LocalEngine:
    """So many worker processes; None: one for each GPU, one in all without.

    threads: that each computes with (default: an equal share of torch's own). scratch: a folder of
    the batch for what is no result.
    """

    def __init__(
        self, scratch: Path, *, workers: int | None = None, threads: int | None = None
    ) -> None:
        self.workers = default_workers() if workers is None else workers
        self.threads = threads
        self.scratch = scratch
        self._posts: SimpleQueue[Post] = SimpleQueue()
        self._team: list[_Process] = []
        self._false_starts = 0

    def __enter__(self) -> LocalEngine:
        self._team = [self._start(number) for number in range(self.workers)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._team:
            process.ask_to_end()
        for process in self._team:
            process.stop(PATIENCE)
        self._team = []

    @property
    def processes(self) -> list[int]:
        """The workers' process ids."""
        return [process.id for process in self._team]

    def room(self, kind: Kind) -> int:
        """Idle workers: each does tasks of both kinds."""
        return sum(process.idle for process in self._team)

    def submit(self, task: Task) -> None:
        """Give a task to an idle worker."""
        next(process for process in self._team if process.idle).take(task)

    def wait(self, seconds: float) -> list[Event]:
        """What workers said. Raises AnimateError if they cannot even start."""
        events: list[Event] = []
        end = time.monotonic() + seconds
        while not events:
            try:
                process, message = self._posts.get(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                break
            events += self._hear(process, message)
        return events

    def _hear(self, process: _Process, message: Message | None) -> list[Event]:
        if message is None:
            return self._replace(process)
        if message.kind == "ready":
            process.ready, self._false_starts = True, 0
            return []
        task = process.task
        if task is None:
            return []
        if message.kind != "progress":
            process.task = None
        return [_event(task, message)]

    def _replace(self, process: _Process) -> list[Event]:
        """A worker has ended: start another in its place; its task is lost."""
        if process not in self._team:
            return []
        process.stop()
        self._false_starts += not process.ready
        if self._false_starts >= MOST_FALSE_STARTS:
            raise AnimateError(f"the workers end before they can begin: {process.last_words()}")
        self._team[self._team.index(process)] = self._start(process.number)
        return [] if process.task is None else [Event(kind="lost", task=process.task)]

    def _start(self, number: int) -> _Process:
        own = only_gpu(number) if self.workers > 1 and _many_gpus() else {}
        facts = {"scratch": str(self.scratch), "threads": self.threads, "share": self.workers}
        process = _Process(number, facts, own, self.scratch / f"worker_{number}.log")
        threading.Thread(target=process.listen, args=(self._posts,), daemon=True).start()
        return process


class _Process:
    """One worker process, and the task that it has."""

    def __init__(
        self, number: int, facts: Mapping[str, object], own: dict[str, str], log: Path
    ) -> None:
        self.number = number
        self.task: Task | None = None
        self.ready = False
        self._log = log
        with log.open("wb") as complaints:
            # A session of its own: Ctrl-C reaches only the batch, which stops its workers.
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, json.dumps(sys.path), json.dumps(facts)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env={**os.environ, **own},
                start_new_session=True,
            )

    @property
    def id(self) -> int:
        return self._process.pid

    @property
    def idle(self) -> bool:
        return self.ready and self.task is None

    def take(self, task: Task) -> None:
        """Send a task; that the process has ended is noticed by who listens."""
        self.task = task
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            send(
                self._process.stdin,
                task.kind,
                job=task.job.to_dict(),
                poses=None if task.poses is None else str(task.poses),
                replaces=task.replaces,
            )

    def listen(self, posts: SimpleQueue[Post]) -> None:
        """Pass on what the process says, until it ends."""
        assert self._process.stdout is not None
        message: Message | None = None
        with contextlib.suppress(OSError, ValueError):
            while (message := receive(self._process.stdout)) is not None:
                posts.put((self, message))
        posts.put((self, None))

    def ask_to_end(self) -> None:
        """Let it clean up and end."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                send(self._process.stdin, END)

    def stop(self, patience: float = 0.0) -> None:
        """End it, after so many seconds by force: what it was doing goes on from its journal."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def last_words(self) -> str:
        text = self._log.read_text(errors="replace").split()
        return " ".join(text)[-LOG_TAIL:] or "they give no reason"


def _event(task: Task, message: Message) -> Event:
    facts = message.facts
    if message.kind == "progress":
        return Event(kind="progress", task=task, **facts)
    if message.kind == "tracked":
        return Event(kind="tracked", task=task)
    if message.kind == "failed":
        return Event(kind="failed", task=task, failure=Failure(**facts))
    strip = message.arrays[0].tobytes() or None
    return Event(kind="made", task=task, made=Made(strip=strip, **facts))


def _many_gpus() -> bool:
    import torch

    return torch.cuda.is_available() and torch.cuda.device_count() > 1
