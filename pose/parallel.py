"""A long video shared between processes, each of which follows the person in a part of it."""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from pose import errors
from pose.backends import Backend, Estimate, backend_for, base, version_of
from pose.focus import Focus
from pose.helper import Events, Helper, Part
from pose.parts import WARM_UP, estimate_part
from pose.video import Clip

# Estimators of which several processes are faster than one, and how many cores one keeps busy.
# MediaPipe: measured 1.35. dwpose's runtime uses all cores, or the GPU, by itself.
CORES_USED = {"mediapipe": 1.35}
MOST_WORKERS = 4  # half a gigabyte each
# A process costs most of a second to start, and WARM_UP frames: below so many frames each, little
# is won. Who asks for a number of processes gets them for as few as these.
LEAST_PART, LEAST_FORCED_PART = 75, 8
HEAD_START = 10  # frames that this process has done when the others have started their Python
WAKE = 0.5  # seconds; some systems deliver an interrupt only between two waits


def workers_for(clip: object, backend: str | Backend, asked: int | None = None) -> int:
    """How many processes are to share a clip; asked: None chooses.

    Only a film that another process can open is shared, and only if the estimator has a name by
    which that process can open its own. Raises ValueError for less than one process and
    BackendError for an unknown name.
    """
    if asked is not None and asked < 1:
        raise ValueError(f"workers must be at least 1, got {asked}")
    if type(clip) is not Clip or not isinstance(backend, str):
        return 1
    name = base.resolve_backend(backend).partition(":")[0]
    own = name in base._REGISTERED or not sys.executable or getattr(sys, "frozen", False)
    if own or name not in CORES_USED:
        return 1
    if asked is not None:
        return max(1, min(asked, len(clip) // LEAST_FORCED_PART))
    wanted = math.ceil(usable_cores() / CORES_USED[name])
    return max(1, min(wanted, MOST_WORKERS, len(clip) // LEAST_PART))


def usable_cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def split(frames: int, workers: int) -> list[tuple[int, int]]:
    """Start and stop of every worker's part, in order and without gaps.

    The first part, of this process, is longer: it needs no warming up and starts earlier.
    """
    lead = min(WARM_UP + HEAD_START, frames // workers)
    first = min(frames, math.ceil((frames + (workers - 1) * lead) / workers))
    others = max(workers - 1, 1)
    stops = [first + (frames - first) * number // others for number in range(workers)]
    return list(zip([0, *stops], stops, strict=False))


@contextmanager
def crew_for(clip: object, backend: str | Backend, workers: int | None = None) -> Iterator[Crew]:
    """An open estimator, and helpers for a long film, for a `with` block; then all are closed."""
    helpers: list[Helper] = []
    try:
        count = workers_for(clip, backend, workers)
        name = base.resolve_backend(backend) if isinstance(backend, str) else backend
        for _ in range(count - 1):
            try:
                helpers.append(Helper(str(name)))
            except OSError as error:
                _warn(f"no further process can be started ({error.strerror or error})")
                break
        with backend_for(name) as estimator:
            yield Crew(name, estimator, helpers)
    finally:
        for helper in helpers:
            helper.stop()


class Crew:
    """An open estimator, and helpers that have each opened another like it."""

    def __init__(self, backend: str | Backend, estimator: Backend, helpers: list[Helper]) -> None:
        self.backend = backend
        self.estimator = estimator
        self.helpers = helpers
        self._used = False

    @contextmanager
    def fresh(self) -> Iterator[Backend]:
        """An estimator that has seen nothing yet, where it can be opened by name.

        The first time it is the open one.
        """
        lent = self.estimator if not self._used else self.backend
        self._used = True
        with backend_for(lent) as estimator:
            yield estimator

    def observe(
        self, clip: Clip, focus: Focus | None, tell: Callable[[int], None]
    ) -> list[Estimate]:
        """The estimates of a clip's frames, every part by another process.

        tell(frames done) is called whenever there are more. The part of a process that is lost is
        done again by this one, with the same result. Raises BackendError and VideoError, whichever
        process met them.
        """
        parts = [Part(*ends) for ends in split(len(clip), len(self.helpers) + 1)]
        own, *others = parts
        events: Events = SimpleQueue()
        for helper, part in zip(self.helpers, others, strict=True):
            helper.take(part, clip, focus, events)
        for _ in self._work(own, clip, focus):
            while self._hear(events, wait=0):
                pass
            tell(_done(parts))
        while not all(part.over for part in others) and own.damaged is None:
            self._hear(events, wait=WAKE)
            tell(_done(parts))
        for part in others:
            if part.lost and own.damaged is None:
                _warn("a process that shared the video was lost; its part is done again")
                part.estimates.clear()
                for _ in self._work(part, clip, focus):
                    tell(_done(parts))
        return _join(parts, clip)

    def _work(self, part: Part, clip: Clip, focus: Focus | None) -> Iterator[None]:
        """Do a part here, frame by frame."""
        clip.damaged = None
        with self.fresh() as estimator:
            for found in estimate_part(estimator, clip, part.start, part.stop, focus):
                part.estimates.append(found)
                yield
        part.damaged = clip.damaged
        part.over = True

    def _hear(self, events: Events, wait: float) -> bool:
        """Take one message in, if one comes within so many seconds."""
        try:
            part, message = events.get(block=wait > 0, timeout=wait or None)
        except Empty:
            return False
        if message is None or (message.kind == "start" and not self._alike(message.facts)):
            part.over = part.lost = True
        elif message.kind == "error":
            raise getattr(errors, message.facts["type"])(message.facts["message"])
        elif message.kind == "end":
            part.over, part.damaged = True, message.facts["damaged"]
        elif message.kind == "estimate" and not part.lost:
            part.estimates.append((message.arrays[0], message.arrays[1]))
        return True

    def _alike(self, facts: dict[str, str]) -> bool:
        """Whether a helper has opened the same estimator."""
        mine = {"name": self.estimator.name, "version": version_of(self.estimator)}
        return facts == mine


def _done(parts: list[Part]) -> int:
    return sum(len(part.estimates) for part in parts)


def _join(parts: list[Part], clip: Clip) -> list[Estimate]:
    """All estimates in order, up to where the film is damaged, which the clip then knows."""
    estimates: list[Estimate] = []
    clip.damaged = None
    for part in parts:
        estimates += part.estimates
        if part.damaged is not None:
            clip.damaged = part.damaged
            break
    return estimates


def _warn(what: str) -> None:
    warnings.warn(f"{what}; it takes longer", RuntimeWarning, stacklevel=2)
