"""Jobs shared between processes, each of which notes by itself what it has done."""

from __future__ import annotations

import math
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from animate.errors import AnimateError
from pose.parallel import CORES_USED, usable_cores

Job = TypeVar("Job")


def default_workers() -> int:
    """As many processes as keep the cores busy with the tracker."""
    return max(1, math.ceil(usable_cores() / CORES_USED["mediapipe"]))


def share(
    work: Callable[[Job], None],
    jobs: Sequence[Job],
    workers: int,
    progress: Callable[[int, int], None],
) -> None:
    """Do every job here, or in several processes that start afresh; the first error ends it.

    Raises what a job raises, and AnimateError if a process is lost.
    """
    if workers <= 1 or len(jobs) <= 1:
        for done, job in enumerate(jobs, start=1):
            work(job)
            progress(done, len(jobs))
        return
    # Started afresh: a fork of a process that runs threads, as the tracker's, may stand still.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=_ignore_interrupts)
    try:
        futures: list[Future[None]] = [pool.submit(work, job) for job in jobs]
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            progress(done, len(jobs))
    except BrokenProcessPool as error:
        raise AnimateError(
            "a process was ended from outside, perhaps for want of memory: run the same command "
            "again to go on, with fewer --workers"
        ) from error
    except BaseException:
        for process in (pool._processes or {}).values():  # shutdown() would wait for their jobs
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _ignore_interrupts() -> None:
    """An interrupt from the terminal is for the first process, which stops the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
