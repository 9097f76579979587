"""Which processor cores an estimator's threads run on."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from pose.backends import Backend, backend_for


def usable_cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shares_of_cores(workers: int) -> list[frozenset[int]]:
    """The cores of each of several processes; none where all may be used.

    MediaPipe starts as many threads as it sees cores. On a core of its own each of two processes
    does the same with a tenth less work (2 cores, 576x1024).
    """
    if workers == 1 or not hasattr(os, "sched_getaffinity"):
        return [frozenset()] * workers
    cores = sorted(os.sched_getaffinity(0))
    return [frozenset(cores[number::workers]) for number in range(workers)]


@contextmanager
def opened(backend: str | Backend, cores: Collection[int] = ()) -> Iterator[Backend]:
    """`backend_for`, with the threads that the estimator starts on these cores alone if any.

    Threads keep to the cores of the one that starts them; this one is free again afterwards, and
    so are those that read the film.
    """
    lent = backend_for(backend)
    with _confined(cores):
        estimator = lent.__enter__()
    try:
        yield estimator
    finally:
        lent.__exit__(None, None, None)


@contextmanager
def _confined(cores: Collection[int]) -> Iterator[None]:
    """Inside, this thread and those it starts run on these cores; none stands for all."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
