"""From a list of jobs to a finished batch: read, check, run, report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from animate.batch.check import Checks, check_jobs, tell_problems
from animate.batch.engines.base import Engine
from animate.batch.expand import expand
from animate.batch.home import find_state
from animate.batch.jobs import Job, Problem
from animate.batch.manifest import read_manifest
from animate.batch.record import Record
from animate.batch.report import write_report
from animate.batch.run import BACK_OFF, RETRIES, Batch, Watch
from animate.batch.store import (
    DONE,
    FAILED,
    FILE,
    Store,
    changed_jobs,
)
from animate.errors import UsageError
from animate.progress import Report, unheard

MakeEngine = Callable[[Path], Engine]  # from the folder for what is no result
MakeView = Callable[[Sequence[Record], int], AbstractContextManager[Watch]]


@dataclass(frozen=True)
class Listed:
    """A list of jobs that was read; problems: of lines that give no job."""

    path: Path
    jobs: tuple[Job, ...]
    problems: tuple[Problem, ...]
    folder: Path  # of the state

    @property
    def report_path(self) -> Path:
        """Where the report goes if nobody says so."""
        return self.folder.parent / f"{self.path.stem}.report.html"


def read_jobs(path: Path, changes: Sequence[str] = (), folder: Path | None = None) -> Listed:
    """Read a list; changes: `key=value` for all jobs; folder: of the state, None for its own.

    Raises UsageError.
    """
    jobs, problems = expand(read_manifest(path), changes)
    folder = folder or find_state(path, [job.output for job in jobs])
    made = {record.output for record in _records(folder) if record.began}
    # A glob finds the results of this very list too, once there are some.
    jobs = tuple(job for job in jobs if not made.intersection((job.driving, job.ref)))
    return Listed(path, jobs, problems, folder)


def check_listed(
    listed: Listed,
    *,
    force: bool,
    timed: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Checks:
    """Check the jobs that are not done; changes nothing."""
    records = _records(listed.folder)
    known = {one.output: (one.job.content, one.state) for one in records}
    changed = [] if force else changed_jobs(known, listed.jobs)
    left = [job for job in listed.jobs if job not in {problem.job for problem in changed}]
    checks = _check(left, listed.jobs, records, force=force, timed=timed, progress=progress)
    return Checks(checks.good, [*checks.problems, *changed])


def run_jobs(
    listed: Listed,
    make_engine: MakeEngine,
    make_view: MakeView,
    *,
    force: bool = False,
    retries: int = RETRIES,
    back_off: float = BACK_OFF,
    again: bool = False,
    say: Report = unheard,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, int]:
    """Run all jobs that are not done and write the report; how many there are of each state.

    again: failed jobs too, whatever they failed by. progress(done, total): of the check that goes
    first. Lines that give no job count as failed. Poses that no job needs any more are removed.
    Raises UsageError if no line gives one, OutputError if the state cannot be kept.
    """
    if not listed.jobs:
        told = "; ".join(f"line {one.line}: {one.text}" for one in listed.problems[:3])
        raise UsageError(f"{listed.path}: no job can run: {told}")
    with Store(listed.folder) as store, make_engine(store.folder / "scratch") as engine:
        checks = _check(
            listed.jobs, listed.jobs, store.records(), force=force, timed=False, progress=progress
        )
        changed = store.enrol(listed.jobs, force=force)
        if again:
            store.restart()
        problems = [*listed.problems, *checks.problems, *changed]
        for line in tell_problems(problems):
            print(line, file=sys.stderr)
        for problem in checks.problems:
            assert problem.job is not None
            # Passing: the same command looks again, and the file may be there by then.
            store.update(problem.job.output, state=FAILED, error=problem.text, passing=1)
        tracked = [one.job.output for one in checks.good if one.tracked]
        with make_view(store.records(), engine.workers) as watch:
            batch = Batch(
                store, engine, tracked=tracked, watch=watch, retries=retries, back_off=back_off
            )
            counts = batch.run()
        store.tidy()
        page, data = write_report(store, listed.report_path)
    say(f"Wrote {page} and {data.name}: what to look at first")
    return {**counts, FAILED: counts[FAILED] + len(listed.problems) + len(changed)}


def _records(folder: Path) -> list[Record]:
    """What is known of the jobs; nothing if the batch never ran."""
    if not (folder / FILE).exists():
        return []
    with Store(folder, reading=True) as store:
        return store.records()


def _check(
    jobs: Sequence[Job],
    listed: Sequence[Job],
    records: Sequence[Record],
    *,
    force: bool,
    timed: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Checks:
    made = {one.output: one.job.content for one in records if one.state == DONE}
    left = [job for job in jobs if job.output not in made]
    left += [job for job in jobs if made.get(job.output, job.content) != job.content]
    known = {one.output for one in records if one.began}  # what failed before was never written
    return check_jobs(left, known=known, others=listed, force=force, timed=timed, progress=progress)
