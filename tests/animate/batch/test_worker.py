"""A worker keeps its model, and makes what the plain command makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import animate
from animate.batch import places
from animate.batch.jobs import Job
from animate.batch.worker import Worker
from animate.config import Settings
from animate.journal import journal_path
from animate.progress import ignore
from tests.animate.batch.clips import small_jobs


@pytest.fixture
def jobs(dance: Path, hero: Path, tiny_model: Path, tmp_path: Path) -> list[Job]:
    return small_jobs(tmp_path, tiny_model, dance, hero, 2)


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path / "scratch")


def test_the_kept_model_gives_the_bytes_of_fresh_ones(
    jobs: list[Job], worker: Worker, tmp_path: Path
) -> None:
    poses = worker.track(jobs[0], ignore)
    for job in jobs:
        made = worker.make(job, poses, ignore, None)
        assert made.frames == 3
        assert made.strip is not None
        again = tmp_path / "again.mp4"
        animate.animate(job.driving, job.ref, **vars(job.settings)).save(again)
        assert Path(job.output).read_bytes() == again.read_bytes()
        assert not journal_path(Path(job.output)).exists()


def test_the_model_is_loaded_again_only_for_other_weights(jobs: list[Job], worker: Worker) -> None:
    first = worker.load(jobs[0].settings)
    assert worker.load(jobs[1].settings) is first
    assert worker.load(replace(jobs[0].settings, scheduler="lcm")) is not first


def test_a_whole_result_of_a_lost_worker_is_not_made_again(
    jobs: list[Job], worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, poses = jobs[0], worker.track(jobs[0], ignore)
    worker.make(job, poses, ignore, None)
    before = places.print_of(job.output)
    made = worker.make(job, poses, ignore, None)
    assert places.print_of(job.output) == before
    assert made.frames == 3
    worker.make(job, poses, ignore, before)  # that is what it was to replace
    assert places.print_of(job.output) != before


def test_jobs_that_read_a_film_alike_share_its_poses(jobs: list[Job]) -> None:
    assert jobs[0].tracking == jobs[1].tracking
    other = replace(jobs[0], words=(*jobs[0].words, "--person=all"))
    assert other.tracking != jobs[0].tracking
    assert isinstance(other.settings, Settings)


def test_the_judge_and_the_extra_files_are_as_asked(
    jobs: list[Job], worker: Worker, tmp_path: Path
) -> None:
    words = [word for word in jobs[0].words if word != "--no-eval"]
    extra = (f"--save-poses={tmp_path}/new/p.npz", f"--save-compare={tmp_path}/new/c.mp4")
    made = worker.make(replace(jobs[0], words=(*words, *extra)), None, ignore, None)
    assert made.figures is not None
    assert made.figures["verdict"] in ("good", "fair", "poor")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["c.mp4", "p.npz"]


def test_a_result_can_go_to_a_url(jobs: list[Job], worker: Worker, tmp_path: Path) -> None:
    job = replace(jobs[0], output=f"file://{tmp_path}/far/a.mp4")
    worker.make(job, None, ignore, None)
    assert (tmp_path / "far" / "a.mp4").stat().st_size > 500
    assert list((tmp_path / "far").iterdir()) == [tmp_path / "far" / "a.mp4"]
    assert not list((tmp_path / "scratch").iterdir())
