"""What runs on the machines of a Ray cluster: sampling actors, tracking, and progress."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animate.batch.engines.lending import Lent
from animate.batch.failures import failure_of
from animate.batch.help import Helper
from animate.batch.worker import Worker

if TYPE_CHECKING:
    from animate.progress import Progress
    from pose.skeleton import PoseSequence


class Mailbox:
    """On the machine of the batch: the latest progress of each task, and who may help it."""

    def __init__(self) -> None:
        self._latest: dict[str, tuple[str, int, int]] = {}
        self._helpers: dict[str, dict[str, Any]] = {}

    def put(self, name: str, stage: str, done: int, total: int) -> None:
        self._latest[name] = (stage, done, total)

    def lend(self, helpers: dict[str, dict[str, Any]]) -> None:
        """Actors, by their ids, that may help each task from now on."""
        self._helpers = helpers

    def lent(self, name: str) -> dict[str, Any]:
        return self._helpers.get(name, {})

    def empty(self) -> dict[str, tuple[str, int, int]]:
        latest, self._latest = self._latest, {}
        return latest


class Sampler:
    """The actor: a worker with its model."""

    def __init__(self, scratch: str, threads: int) -> None:
        shared = Path(scratch)  # in a folder that all machines see a journal outlives its machine
        own = shared if shared.is_dir() else Path(tempfile.mkdtemp(prefix="animate_"))
        self._worker = Worker(own, threads)
        self._helper = Helper(self._worker.load)

    def ready(self) -> str:
        return "ready"

    def make(
        self, name: str, job: Any, poses: PoseSequence | None, replaces: str | None, mailbox: Any
    ) -> Any:
        """A Made, or the Failure of a job that cannot be made."""
        helpers = Lent(name, mailbox, self._worker.model_settings)
        self._helper.forget()
        try:
            made = self._worker.make(job, poses, _telling(mailbox, name), replaces, helpers)
        except Exception as error:
            return failure_of(error)
        return replace(made, helped=helpers.windows)

    def learn(self, name: str, told: Any) -> None:
        """Get ready to help with another's clip; raises what keeps it from that."""
        self._helper.learn(name, told)

    def help(self, *asked: Any) -> Any:
        """See Helper.predict."""
        return self._helper.predict(*asked)


def track(name: str, job: Any, mailbox: Any) -> Any:
    """The poses of a job's film, or a Failure."""
    try:
        return Worker(Path(tempfile.gettempdir())).track(job, _telling(mailbox, name))
    except Exception as error:
        return failure_of(error)


def _telling(mailbox: Any, name: str) -> Progress:
    from animate.batch.engines.process import seldom

    def tell(kind: str, *, stage: str, done: int, total: int) -> None:
        mailbox.put.remote(name, stage, done, total)

    return seldom(tell)
