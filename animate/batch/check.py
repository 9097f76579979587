"""Everything about the jobs that can be known before a model is loaded, problems and time."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from animate.batch.jobs import Job, Problem
from animate.batch.places import check as check_place
from animate.config import Settings
from animate.errors import AnimateError

Value = TypeVar("Value")
REMEMBERED = 4096  # films, pictures and plans of which the outcome is kept


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A job that can run: its frames, seconds of denoising and decoding (None if nobody can say),
    and whether its film has to be tracked."""

    job: Job
    frames: int
    seconds: float | None
    tracked: bool


@dataclass(frozen=True)
class Checks:
    """What was found out about all jobs."""

    good: list[Checked] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Of denoising and decoding all that can run, one after the other."""
        return sum(one.seconds or 0.0 for one in self.good)


def check_jobs(
    jobs: Sequence[Job],
    *,
    known: Collection[str] = (),
    others: Sequence[Job] = (),
    force: bool = False,
    timed: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Checks:
    """Open every file and check every option of jobs, without loading a model.

    known: outputs that this very batch may have written. others: jobs of the list that are not
    checked, but whose files are not to be written over. timed: also predict the time, which
    probes the machine. progress(done, total) is called after each job.
    """
    inputs = {_place(path) for job in (*jobs, *others) for path in (job.driving, job.ref)}
    look = _Look(timed, {job.output for job in jobs}, inputs)
    found = Checks()
    for number, job in enumerate(jobs, start=1):
        try:
            if _place(job.output) in inputs:
                raise AnimateError(f"{job.output} is an input of a job; give it another name")
            found.good.append(look.at(job, overwrite=force or job.output in known))
        except Exception as error:
            text = _expected(error)
            found.problems.append(Problem(job.line, text, job))
        progress(number, len(jobs))
    return found


def _place(name: str) -> str:
    """The file that a name means, be it by a link; URLs as they are."""
    return name if "://" in name else os.path.realpath(name)


class _Look:
    """Remembers what it saw, as many jobs share films, references and settings."""

    def __init__(self, timed: bool, taken: set[str], inputs: set[str]) -> None:
        self.timed = timed
        self.taken = taken  # what is written already
        self.inputs = inputs
        self.film = lru_cache(REMEMBERED)(_kept(_film))
        self.picture = lru_cache(REMEMBERED)(_kept(_picture))
        self.plan = lru_cache(REMEMBERED)(_kept(self._seconds))
        self._speeds: dict[tuple[str, str], float] = {}

    def at(self, job: Job, *, overwrite: bool) -> Checked:
        """Raises whatever is wrong with the job."""
        settings, options = job.settings, job.options
        check_place(job.output, overwrite=overwrite)
        if options.save_compare is not None:
            check_place(str(options.save_compare), overwrite=overwrite)
        if options.save_poses is not None and options.save_poses.suffix != ".npz":
            raise AnimateError(f"{options.save_poses}: in a batch keypoints go into .npz files")
        if options.save_poses is not None and options.save_poses.exists() and not overwrite:
            raise AnimateError(
                f"{options.save_poses} exists already; use --force to replace it, or another name"
            )
        for path in filter(None, (options.save_compare, options.save_poses)):
            if _place(str(path)) in self.inputs:
                raise AnimateError(f"{path} is an input of a job; give it another name")
            if str(path) in self.taken:
                raise AnimateError(f"{path} is written by another job too; put {{driving}} into it")
            self.taken.add(str(path))
        frames, tracked = self.film(job.driving, _reading(settings))()
        size = self.picture(job.ref)()
        seconds = self.plan(replace(settings, seed=0), size, frames)()
        return Checked(job=job, frames=frames, seconds=seconds, tracked=tracked)

    def _seconds(self, settings: Settings, size: tuple[int, int], frames: int) -> float | None:
        from animate.planner import estimate_seconds, make_plan, probe

        plan = make_plan(settings, size, frames)
        if not self.timed:
            return None
        key = (plan.settings.device, plan.settings.dtype)
        if key not in self._speeds:
            self._speeds[key] = probe(*key)
        return estimate_seconds(plan, self._speeds[key])


def _kept(work: Callable[..., Value]) -> Callable[..., Callable[[], Value]]:
    """Work whose result or error can be remembered: it gives a function that returns or raises."""

    def outcome(*arguments: object) -> Callable[[], Value]:
        try:
            value = work(*arguments)
        except Exception as error:
            caught = error

            def fail() -> Value:
                raise caught.with_traceback(None)

            return fail
        return lambda: value

    return outcome


def _reading(settings: Settings) -> Settings:
    """What decides how a film is read, alone."""
    return Settings(
        fps=settings.fps, stride=settings.stride, frames=settings.frames, person=settings.person
    )


def _film(path: str, reading: Settings) -> tuple[int, bool]:
    from animate.driving import open_driving

    source = open_driving(path, reading)
    return len(source), source.film is not None


def _picture(path: str) -> tuple[int, int]:
    from pose.video import load_image

    picture = load_image(Path(path))
    return picture.shape[1], picture.shape[0]


def _expected(error: Exception) -> str:
    """One line for an error that a user can cause; others are faults and go on."""
    from pose.errors import PoseError
    from temporal.errors import TemporalError

    if not isinstance(error, (AnimateError, PoseError, TemporalError, OSError)):
        raise error
    return " ".join(str(error).split())


def describe(checks: Checks, problems: Sequence[Problem], workers: int) -> Iterator[str]:
    """The dry run in words: every problem with its line, then what would be done."""
    every = [*problems, *checks.problems]
    yield from tell_problems(every)
    films = {one.job.driving for one in checks.good if one.tracked}
    frames = sum(one.frames for one in checks.good)
    yield (
        f"Jobs that can run: {len(checks.good)}, with {frames} frames; films to track: "
        f"{len(films)}; problems: {len(every)}"
    )
    if any(one.seconds is not None for one in checks.good):
        told = _duration(checks.seconds / max(1, workers))
        share = f", shared by {workers} workers" if workers > 1 else ""
        yield f"Time: about {told}{share}; loading, tracking and judging come on top"


def tell_problems(problems: Sequence[Problem]) -> Iterator[str]:
    """Every problem with its line, in their order, and once if several jobs of a line have it."""
    counted = Counter((one.line, one.text) for one in problems)
    for (line, text), count in sorted(counted.items()):
        yield f"Line {line}: {text}" + (f" ({count} jobs)" if count > 1 else "")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
