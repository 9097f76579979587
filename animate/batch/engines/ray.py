"""Workers on a Ray cluster: actors that hold a model and sample, tasks that track."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from animate.batch.engines.actors import Mailbox, Sampler, track
from animate.batch.engines.base import Event, Kind, Task
from animate.batch.engines.lending import GROUP, Lender
from animate.batch.failures import Failure
from animate.batch.worker import Made
from animate.errors import AnimateError, UsageError

POLL = 0.1  # seconds; progress is fetched as often while tasks run
NEW_NODES = 10.0  # seconds between two looks for machines that have joined
TRACK_RETRIES = 5  # by Ray, of a film whose machine was lost
VARIABLES = ("ANIMATE_CACHE", "ANIMATE_MODELS", "HF_HUB_CACHE", "HF_HOME")  # that workers get


class RayEngine:
    """One actor for each GPU of the cluster or, where it has none, for every `cores` cores.

    address: of the cluster; None: the one that RAY_ADDRESS names or that runs here, else one is
    started on this machine. workers: at most so many actors. cores: for each (default: those of
    the smallest machine). Outputs must be in a folder that all machines share, or be URLs. Tasks
    of a machine that is lost are given to another; Ray starts its actor again where there is
    room, and more actors where machines join. Idle actors help with the windows of a long clip.
    """

    def __init__(
        self, scratch: Path, *, address: str | None, workers: int | None, cores: int | None
    ) -> None:
        self.scratch = scratch
        self.address = address
        self.most = workers
        self.cores = cores or 0
        self._team: list[_Seat] = []
        self._tracking: dict[Any, Task] = {}
        self._poses: dict[Path, Any] = {}
        self._looked = 0.0
        self._started = False

    def __enter__(self) -> RayEngine:
        ray = _ray()
        if not ray.is_initialized():
            self._started = True
            try:
                ray.init(
                    address=self.address,
                    log_to_driver=False,
                    logging_level="ERROR",
                    runtime_env={"env_vars": _environment()},
                )
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                reason = " ".join(str(error).split())
                raise AnimateError(f"the Ray cluster cannot be reached: {reason}") from error
        self._gpus = _capacity("GPU", 1) > 0
        if not self.cores:
            self.cores = min((int(node.get("CPU", 0)) for node in _nodes()), default=1) or 1
        self._mailbox = ray.remote(Mailbox).options(num_cpus=0, **_here()).remote()
        self._lender = Lender(self._mailbox)
        self._track = ray.remote(track).options(
            num_cpus=1 if self._gpus else 0,  # without GPUs the actors have all the cores
            max_retries=TRACK_RETRIES,
            scheduling_strategy="SPREAD",
        )
        self._hire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ray = _ray()
        for reference in self._tracking:
            ray.cancel(reference, force=True)
        for seat in self._team:
            ray.kill(seat.actor)
        ray.kill(self._mailbox)
        self._team, self._tracking, self._poses = [], {}, {}
        if self._started:
            ray.shutdown()

    @property
    def workers(self) -> int:
        """Actors, whether they are there yet or not."""
        return max(1, len(self._team))

    def room(self, kind: Kind) -> int:
        """Idle actors; for tracking, as many films at once as there are machines."""
        if kind == "make":
            return sum(seat.idle for seat in self._team)
        return max(1, len(_nodes())) - len(self._tracking)

    def submit(self, task: Task) -> None:
        """Begin a task; poses go to the machines once, however many jobs use them."""
        if task.kind == "track":
            self._tracking[self._track.remote(task.name, task.job, self._mailbox)] = task
            return
        seat = next(seat for seat in self._team if seat.idle)
        seat.task = task
        poses = None if task.poses is None else self._shared(task.poses)
        seat.reference = seat.actor.make.remote(
            task.name, task.job, poses, task.replaces, self._mailbox
        )

    def wait(self, seconds: float) -> list[Event]:
        """What happened; also looks for machines that have joined."""
        ray = _ray()
        if time.monotonic() - self._looked > NEW_NODES:
            self._hire()
        end = time.monotonic() + seconds
        while True:
            pending = [*self._tracking, *(seat.reference for seat in self._team if seat.reference)]
            ended = ray.wait(pending, timeout=POLL)[0] if pending else []
            events = self._progress()
            for reference in ended:
                events += self._end(reference)
            self._lend()
            if not pending:
                time.sleep(POLL)
            if events or time.monotonic() > end:
                return events

    def _hire(self) -> None:
        """As many actors as the cluster has room for now."""
        ray = _ray()
        self._looked = time.monotonic()
        room = _capacity("GPU", 1) if self._gpus else _capacity("CPU", self.cores)
        wanted = max(1, min(room, self.most or room))
        asked = {"num_cpus": 0, "num_gpus": 1} if self._gpus else {"num_cpus": self.cores}
        while len(self._team) < wanted:
            actor = (
                ray.remote(concurrency_groups={GROUP: 1})(Sampler)
                .options(max_restarts=-1, scheduling_strategy="SPREAD", **asked)
                .remote(str(self.scratch), self.cores)
            )
            self._team.append(_Seat(actor))

    def _lend(self) -> None:
        idle = [seat.actor for seat in self._team if seat.idle]
        self._lender.lend(idle, [seat.task.name for seat in self._team if seat.task])

    def _shared(self, poses: Path) -> Any:
        from pose.files import load_poses

        if poses not in self._poses:
            self._poses[poses] = _ray().put(load_poses(poses))
        return self._poses[poses]

    def _progress(self) -> list[Event]:
        ray = _ray()
        tasks = [*self._tracking.values(), *(seat.task for seat in self._team if seat.task)]
        under_way = {task.name: task for task in tasks}
        try:
            told = ray.get(self._mailbox.empty.remote(), timeout=1.0)
        except ray.exceptions.RayError:  # progress is only for the eyes
            return []
        for name, (stage, done, total) in told.items():
            self._lender.hear(name, stage, total - done)
        return [
            Event(kind="progress", task=under_way[name], stage=stage, done=done, total=total)
            for name, (stage, done, total) in told.items()
            if name in under_way
        ]

    def _end(self, reference: Any) -> list[Event]:
        """What a finished task gave; what Ray raises means that its machine or process is lost."""
        ray = _ray()
        task = self._tracking.pop(reference, None)
        seat = next((one for one in self._team if one.reference == reference), None)
        if seat is not None:
            task, seat.task = seat.task, None
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayError:
            outcome = None
            if seat is not None:
                seat.ready = False
        if seat is not None:  # after a loss: ready when Ray has started it again
            seat.reference = None if outcome is not None else seat.actor.ready.remote()
            seat.ready = seat.ready or outcome == "ready"
        if task is None:
            return []
        return [_event(task, outcome)]


class _Seat:
    """An actor, from our side: what it works on, and whether it is there."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.ready = False
        self.task: Task | None = None
        self.reference: Any = actor.ready.remote()

    @property
    def idle(self) -> bool:
        return self.ready and self.reference is None


def _event(task: Task, outcome: Any) -> Event:
    from pose.npz import save_poses

    if outcome is None:
        return Event(kind="lost", task=task)
    if isinstance(outcome, Failure):
        return Event(kind="failed", task=task, failure=outcome)
    if isinstance(outcome, Made):
        return Event(kind="made", task=task, made=outcome)
    assert task.poses is not None
    save_poses(task.poses, outcome)
    return Event(kind="tracked", task=task)


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "--engine ray: it is not installed; pip install 'animate-controlnext[cluster]'"
        ) from error
    return ray


def _nodes() -> list[dict[str, float]]:
    """What each machine of the cluster has."""
    return [node["Resources"] for node in _ray().nodes() if node["Alive"]]


def _capacity(resource: str, share: int) -> int:
    """How many workers with such a share the machines hold."""
    return sum(int(node.get(resource, 0)) // share for node in _nodes())


def _here() -> dict[str, Any]:
    """Options for an actor that must outlive other machines: it stays on the batch's own."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    own = _ray().get_runtime_context().get_node_id()
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node_id=own, soft=False)}


def _environment() -> dict[str, str]:
    """Variables of the workers: where the program lies, if it is not installed, and caches."""
    from animate.cli import LIBRARIES

    paths = [path for path in sys.path if path and Path(path).is_dir()]
    own = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    return {"PYTHONPATH": os.pathsep.join(paths), **LIBRARIES, **own}
