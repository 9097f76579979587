"""Which task comes next, and what follows when one fails."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from animate.batch.engines.base import Event, Task
from animate.batch.failures import Failure
from animate.batch.jobs import Job
from animate.batch.run import MOST_LOSSES, Batch, News
from animate.batch.store import DONE, FAILED, Store
from tests.animate.batch.conftest import make_jobs
from tests.animate.batch.engine import ListEngine, Work, made


def run(store: Store, jobs: list[Job], engine: ListEngine, *, tracked: bool = False) -> list[News]:
    heard: list[News] = []
    store.enrol(jobs, force=False)
    outputs = [job.output for job in jobs] if tracked else []
    Batch(store, engine, tracked=outputs, watch=heard.append, back_off=0.001).run()
    return heard


def failing(times: int, *, passing: bool, kind: str = "make", number: int = 0) -> Work:
    """The first attempts at one job fail."""
    tried = Counter[str]()

    def work(task: Task) -> Event:
        if task.kind == kind and task.job.line == number + 1:
            tried[task.name] += 1
            if tried[task.name] <= times:
                return Event(kind="failed", task=task, failure=Failure("bad", passing))
        return made(task)

    return work


def test_a_film_is_tracked_once_for_all_its_jobs(store: Store, tmp_path: Path) -> None:
    engine = ListEngine()
    run(store, make_jobs(tmp_path, 5), engine, tracked=True)
    assert [task.kind for task in engine.tasks] == ["track"] + ["make"] * 5
    assert len({task.poses for task in engine.tasks}) == 1
    assert store.counts()[DONE] == 5


def test_poses_that_are_there_are_not_tracked_again(store: Store, tmp_path: Path) -> None:
    jobs = make_jobs(tmp_path, 2)
    run(store, jobs[:1], ListEngine(), tracked=True)
    engine = ListEngine()
    run(store, jobs, engine, tracked=True)
    assert [task.kind for task in engine.tasks] == ["make"]


def test_jobs_go_in_their_order_and_no_more_than_there_is_room(
    store: Store, tmp_path: Path
) -> None:
    engine = ListEngine(workers=3)
    run(store, make_jobs(tmp_path, 7), engine)
    assert [task.job.line for task in engine.tasks] == list(range(1, 8))
    assert engine.most == 3


def test_a_bad_job_fails_once_and_stops_no_other(store: Store, tmp_path: Path) -> None:
    engine = ListEngine(failing(9, passing=False))
    run(store, make_jobs(tmp_path, 3), engine)
    assert Counter(task.job.line for task in engine.tasks) == {1: 1, 2: 1, 3: 1}
    assert [one.error for one in store.records()] == ["bad", None, None]
    assert store.counts()[DONE] == 2


@pytest.mark.parametrize(("times", "state"), [(2, DONE), (3, FAILED)])
def test_what_may_pass_is_tried_three_times(
    store: Store, tmp_path: Path, times: int, state: str
) -> None:
    heard = run(store, make_jobs(tmp_path, 1), ListEngine(failing(times, passing=True)))
    [record] = store.records()
    assert (record.state, record.attempts) == (state, times)
    pauses = [news.seconds for news in heard if news.kind == "again"]
    assert pauses == pytest.approx([0.001, 0.002])


@pytest.mark.parametrize("passing", [False, True])
def test_a_film_nobody_can_track_ends_all_its_jobs(
    store: Store, tmp_path: Path, passing: bool
) -> None:
    engine = ListEngine(failing(9, passing=passing, kind="track"))
    run(store, make_jobs(tmp_path, 3), engine, tracked=True)
    assert [task.kind for task in engine.tasks] == ["track"] * (3 if passing else 1)
    assert store.counts()[FAILED] == 3


def test_a_lost_worker_is_no_fault_of_the_job_up_to_a_limit(store: Store, tmp_path: Path) -> None:
    def lost(task: Task) -> Event:
        return made(task) if task.job.line == 1 else Event(kind="lost", task=task)

    engine = ListEngine(lost)
    run(store, make_jobs(tmp_path, 2), engine)
    assert Counter(task.job.line for task in engine.tasks) == {1: 1, 2: MOST_LOSSES}
    assert [one.attempts for one in store.records()] == [0, 0]
    assert store.counts() == {"waiting": 0, "running": 0, "done": 1, "failed": 1}


def test_the_file_that_a_job_replaces_is_noted_before_it_starts(
    store: Store, tmp_path: Path
) -> None:
    [job] = make_jobs(tmp_path, 1)
    engine = ListEngine(failing(1, passing=True))
    Path(job.output).touch()
    store.enrol([job], force=True)
    Batch(store, engine, tracked=[], watch=lambda news: None, back_off=0.001).run()
    prints = {task.replaces for task in engine.tasks}
    assert len(engine.tasks) == 2
    assert prints == {store.records()[0].replaces} != {None}


def test_a_result_whose_worker_was_lost_is_not_taken_for_an_older_file(
    store: Store, tmp_path: Path
) -> None:
    def lost_at_the_end(task: Task) -> Event:
        first = not Path(task.job.output).exists()
        event = made(task)
        return Event(kind="lost", task=task) if first else event

    engine = ListEngine(lost_at_the_end)
    run(store, make_jobs(tmp_path, 1), engine)
    assert [task.replaces for task in engine.tasks] == [None, None]
