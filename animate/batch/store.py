"""The batch's memory: one SQLite file that survives a kill or a power cut at any moment."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import IO, Any

from animate.batch.jobs import Job, Problem
from animate.batch.places import is_remote
from animate.batch.record import Record, record_from
from animate.errors import OutputError, UsageError
from animate.files import refuse_links
from animate.journal import lock_file

WAITING, RUNNING, DONE, FAILED = STATES = ("waiting", "running", "done", "failed")
FILE, LOCK, POSES, SCRATCH = "state.sqlite", "lock", "poses", "scratch"
VERSION = 1
BUSY = 30.0  # seconds to wait while `status` or another reader has the file
TABLE = """
create table if not exists jobs (
  output text primary key, position integer, line integer not null, content text not null,
  job text not null, state text not null, attempts integer not null default 0,
  losses integer not null default 0, error text, passing integer not null default 0,
  seconds real, frames integer, replaces text, began integer not null default 0,
  figures text, strip blob
)
"""
FRESH = {
    "state": WAITING, "attempts": 0, "losses": 0, "error": None, "passing": 0, "seconds": None,
    "frames": None, "replaces": None, "began": 0, "figures": None, "strip": None,
}  # fmt: skip


class Store:
    """The state file of a batch; a context manager that has it for itself unless `reading`."""

    def __init__(self, folder: Path, *, reading: bool = False) -> None:
        self.folder = folder
        self.reading = reading
        self._lock: IO[bytes] | None = None
        self._base: sqlite3.Connection | None = None

    def __enter__(self) -> Store:
        path = self.folder / FILE
        if self.reading and not path.exists():
            raise UsageError(f"{self.folder}: no batch has run here yet")
        refuse_links(self.folder, (POSES, SCRATCH))
        with self._told():
            if not self.reading:
                (self.folder / POSES).mkdir(parents=True, exist_ok=True)
                (self.folder / SCRATCH).mkdir(exist_ok=True)
                self._lock = _only_one(self.folder / LOCK)
            self._base = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
            self._base.row_factory = sqlite3.Row
            self._prepare()
        return self

    def __exit__(self, *_: object) -> None:
        if self._base is not None:
            self._base.close()
        if self._lock is not None:
            self._lock.close()
        self._base = self._lock = None

    def enrol(self, jobs: Sequence[Job], *, force: bool) -> list[Problem]:
        """Take the manifest's jobs in; those left by a batch that was killed wait again.

        So do failures that may have passed, and jobs whose result was removed. Returns the jobs
        that are done, but with other inputs or options; force: those wait again instead.
        """
        changed = [] if force else changed_jobs(self._known(), jobs)
        kept = {problem.job for problem in changed}
        with self._transaction():
            self._run("update jobs set position = null")
            self._run("update jobs set state = ? where state = ?", WAITING, RUNNING)
            self._run(
                "update jobs set state = ?, attempts = 0, losses = 0 where state = ? and passing",
                WAITING, FAILED,
            )  # fmt: skip
            known = self._known()
            for position, job in enumerate(jobs):
                if job in kept:
                    continue
                content, state = known.get(job.output, ("", ""))
                removed = state == DONE and not _there(job)
                self._put(position, job, afresh=content != job.content or removed)
        return changed

    def tidy(self) -> int:
        """Remove the poses that no job needs which is not done; how many files that were."""
        needed = set()
        for record in self.records():
            if record.state != DONE:
                with contextlib.suppress(OSError, UsageError):  # of a film that is gone
                    needed.add(f"{record.job.tracking}.npz")
        with self._told():
            useless = [path for path in (self.folder / POSES).iterdir() if path.name not in needed]
            for path in useless:
                path.unlink(missing_ok=True)
        return len(useless)

    def restart(self, states: Sequence[str] = (FAILED,)) -> int:
        """Let the listed jobs in these states wait again; how many there were."""
        marks = ", ".join("?" * len(states))
        with self._transaction():
            done = self._run(
                "update jobs set state = ?, attempts = 0, losses = 0, error = null, passing = 0 "
                f"where position is not null and state in ({marks})",
                WAITING, *states,
            )  # fmt: skip
        return done.rowcount

    def update(self, output: str, **values: Any) -> None:
        """Set columns of one job; on the disk when this returns."""
        with self._transaction():
            self._set(output, values)

    def records(self) -> list[Record]:
        """All listed jobs in their order, without their strips."""
        columns = ", ".join(field.name for field in fields(Record))
        rows = self._rows(
            f"select {columns} from jobs where position is not null order by position"
        )
        try:
            return [record_from(dict(row)) for row in rows]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise OutputError(
                f"{self.folder / FILE} is damaged; move it away: results that are there stay, and "
                "--force lets the same command replace them"
            ) from error

    def strip(self, output: str) -> bytes | None:
        """A JPEG of some frames of a job's result, side by side."""
        found = self._rows("select strip from jobs where output = ?", output)
        return found[0]["strip"] if found else None

    def counts(self) -> dict[str, int]:
        """How many listed jobs there are of each state."""
        rows = self._rows(
            "select state, count(*) from jobs where position is not null group by state"
        )
        return {**dict.fromkeys(STATES, 0), **dict(tuple(row) for row in rows)}

    def outputs(self) -> set[str]:
        """The outputs of all jobs that ever were listed."""
        return set(self._known())

    def _known(self) -> dict[str, tuple[str, str]]:
        """Content and state of all jobs that ever were listed, by their outputs."""
        rows = self._rows("select output, content, state from jobs")
        return {row["output"]: (row["content"], row["state"]) for row in rows}

    def _prepare(self) -> None:
        version = self._run("pragma user_version").fetchone()[0]
        if version > VERSION:
            raise UsageError(f"{self.folder / FILE} is of a later version of this program")
        if self.reading:
            return
        self._run("pragma journal_mode = wal")
        self._run("pragma synchronous = full")  # a job that is done stays done in a power cut
        self._run(TABLE)
        self._run(f"pragma user_version = {VERSION}")

    def _put(self, position: int, job: Job, *, afresh: bool) -> None:
        values = {
            "position": position, "line": job.line, "content": job.content,
            "job": json.dumps(job.to_dict()), **(FRESH if afresh else {}),
        }  # fmt: skip
        if not afresh:  # it is known: only where it stands may have changed
            self._set(job.output, values)
            return
        names, marks = ", ".join(["output", *values]), ", ".join("?" * (len(values) + 1))
        into = ", ".join(f"{name} = excluded.{name}" for name in values)
        self._run(
            f"insert into jobs ({names}) values ({marks}) "
            f"on conflict (output) do update set {into}",
            job.output, *values.values(),
        )  # fmt: skip

    def _set(self, output: str, values: dict[str, Any]) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self._run(f"update jobs set {names} where output = ?", *values.values(), output)

    def _run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        assert self._base is not None, "use Store in a `with` block"
        return self._base.execute(statement, values)

    def _rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        with self._told():
            return self._run(statement, *values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told():
            self._run("begin immediate")
            try:
                yield
            except BaseException:
                if self._base is not None and self._base.in_transaction:  # a full disk ends it
                    self._run("rollback")
                raise
            self._run("commit")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(
                f"{self.folder / FILE}: {reason}; what was done is kept, and the same command "
                "goes on once this is put right"
            ) from error


def _only_one(path: Path) -> IO[bytes]:
    try:
        return lock_file(path)
    except OutputError as error:
        raise OutputError(
            f"this batch is running already (it holds {path}): wait for it, or see how far it is "
            "with animate batch status"
        ) from error


def changed_jobs(known: Mapping[str, tuple[str, str]], jobs: Sequence[Job]) -> list[Problem]:
    """The jobs that are done, but with other inputs or options; known: contents and states."""
    return [
        _changed(job)
        for job in jobs
        if known.get(job.output, ("", ""))[1] == DONE
        and known[job.output][0] != job.content
        and _there(job)
    ]


def _there(job: Job) -> bool:
    """Whether a result is where it was; of a URL it is believed."""
    return is_remote(job.output) or os.path.exists(job.output)


def _changed(job: Job) -> Problem:
    text = (
        f"{job.output} was made with other inputs or options; --force makes it again, or give it "
        "another name"
    )
    return Problem(job.line, text, job)
