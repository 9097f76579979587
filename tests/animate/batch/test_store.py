"""What is done stays done; what was running waits again."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from animate.batch.store import DONE, FAILED, FILE, RUNNING, WAITING, Store
from animate.errors import OutputError, UsageError
from tests.animate.batch.conftest import make_jobs


def test_states_outlive_the_process(tmp_path: Path) -> None:
    jobs, folder = make_jobs(tmp_path, 4), tmp_path / "state"
    Path(jobs[0].output).touch()
    with Store(folder) as store:
        store.enrol(jobs, force=False)
        for job, state in zip(jobs, (DONE, RUNNING, FAILED, WAITING), strict=True):
            store.update(job.output, state=state)
    with Store(folder) as store:
        store.enrol(jobs, force=False)
        assert [record.state for record in store.records()] == [DONE, WAITING, FAILED, WAITING]


def test_failures_that_may_have_passed_wait_again(tmp_path: Path, store: Store) -> None:
    jobs = make_jobs(tmp_path, 2)
    store.enrol(jobs, force=False)
    store.update(jobs[0].output, state=FAILED, passing=1, attempts=3)
    store.update(jobs[1].output, state=FAILED, passing=0, error="bad")
    store.enrol(jobs, force=False)
    assert [(one.state, one.attempts) for one in store.records()] == [(WAITING, 0), (FAILED, 0)]
    assert store.restart() == 1
    assert [one.state for one in store.records()] == [WAITING, WAITING]


def test_a_result_that_was_removed_is_made_again(tmp_path: Path, store: Store) -> None:
    [job] = make_jobs(tmp_path, 1)
    store.enrol([job], force=False)
    store.update(job.output, state=DONE)
    store.enrol([job], force=False)
    assert store.records()[0].state == WAITING


def test_a_done_job_that_changed_needs_force(tmp_path: Path, store: Store) -> None:
    [job] = make_jobs(tmp_path, 1)
    Path(job.output).touch()
    store.enrol([job], force=False)
    store.update(job.output, state=DONE)
    other = replace(job, words=("--seed=1",))
    [problem] = store.enrol([other], force=False)
    assert "--force" in problem.text
    assert store.enrol([other], force=True) == []
    assert store.records()[0].state == WAITING


def test_jobs_that_left_the_list_are_not_counted(tmp_path: Path, store: Store) -> None:
    jobs = make_jobs(tmp_path, 3)
    store.enrol(jobs, force=False)
    store.enrol(jobs[::2], force=False)
    assert store.counts() == {WAITING: 2, RUNNING: 0, DONE: 0, FAILED: 0}


def test_one_batch_at_a_time(tmp_path: Path, store: Store) -> None:
    with pytest.raises(OutputError, match="running already"), Store(store.folder):
        pass
    with Store(store.folder, reading=True) as reader:  # status, while it runs
        assert reader.records() == []


def test_a_state_that_is_damaged_or_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no batch has run"), Store(tmp_path, reading=True):
        pass
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(OutputError, match="not a database"), Store(tmp_path):
        pass


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path, store: Store) -> None:
    [job] = make_jobs(tmp_path, 1)
    store.enrol([job], force=False)
    assert store._base is not None
    pages = store._base.execute("pragma page_count").fetchone()[0]
    store._base.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(OutputError, match="full"):
        store.update(job.output, strip=os.urandom(1 << 20))
    assert store.records()[0].state == WAITING


def test_the_file_is_written_ahead_and_to_the_disk(store: Store) -> None:
    base = sqlite3.connect(store.folder / FILE)
    assert base.execute("pragma journal_mode").fetchone()[0] == "wal"
    assert store._base is not None
    assert store._base.execute("pragma synchronous").fetchone()[0] == 2
    base.close()
