"""From a list to its results, with an engine that only pretends to make them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from animate.batch.record import Record
from animate.batch.run import News
from animate.batch.session import Listed, check_listed, read_jobs, run_jobs
from animate.batch.store import DONE, FAILED, POSES, WAITING, Store
from pose.files import save_poses
from pose.skeleton import PoseSequence
from tests.animate.batch.clips import listed
from tests.animate.batch.engine import ListEngine, Work, made
from tests.animate.batch.test_run import failing


@pytest.fixture
def jobs(tmp_path: Path, tiny_model: Path, samples: Path) -> Path:
    """A list of two jobs."""
    return listed(tmp_path, tiny_model, samples / "dance.mp4", samples / "hero.png", 2)


def run(path: Path, work: Work = made, **more: Any) -> tuple[dict[str, int], ListEngine]:
    engine = ListEngine(work)

    def view(records: Sequence[Record], workers: int) -> Any:
        return nullcontext(lambda news: None)

    counts = run_jobs(read_jobs(path), lambda scratch: engine, view, back_off=0.001, **more)
    return counts, engine


def poses_of(found: Listed) -> list[Path]:
    return list((found.folder / POSES).iterdir())


def test_poses_go_when_no_job_needs_them(jobs: Path) -> None:
    counts, engine = run(jobs)
    assert counts[DONE] == 2
    assert [task.kind for task in engine.tasks] == ["track", "make", "make"]
    assert poses_of(read_jobs(jobs)) == []


def test_poses_of_a_failed_job_stay_for_its_next_attempt(jobs: Path) -> None:
    run(jobs, failing(9, passing=False, number=1))
    assert len(poses_of(read_jobs(jobs))) == 1
    _, engine = run(jobs, again=True)
    assert [task.kind for task in engine.tasks] == ["make"]
    assert poses_of(read_jobs(jobs)) == []


def test_the_check_tells_of_jobs_that_were_made_otherwise(jobs: Path) -> None:
    run(jobs)
    jobs.write_text(jobs.read_text().replace('"steps": 1', '"steps": 2'))
    checks = check_listed(read_jobs(jobs), force=False, timed=False)
    assert ["other inputs or options" in one.text for one in checks.problems] == [True, True]
    assert not checks.good
    assert len(check_listed(read_jobs(jobs), force=True, timed=False).good) == 2


def test_results_that_a_glob_finds_are_no_inputs(
    tmp_path: Path, tiny_model: Path, samples: Path
) -> None:
    (tmp_path / "dance.mp4").write_bytes((samples / "dance.mp4").read_bytes())
    values = {
        "driving": "*.mp4",
        "ref": str(samples / "hero.png"),
        "model": str(tiny_model),
        "frames": 3,
    }
    path = tmp_path / "jobs.jsonl"
    path.write_text(json.dumps({**values, "device": "cpu"}) + "\n")
    run(path)
    assert len(list(tmp_path.glob("*.mp4"))) == 2
    again = read_jobs(path)
    assert [Path(job.driving).name for job in again.jobs] == ["dance.mp4"]
    with Store(again.folder, reading=True) as store:
        assert store.counts() == {**dict.fromkeys(store.counts(), 0), DONE: 1}


def test_only_poses_that_a_waiting_job_needs_are_kept(jobs: Path, store: Store) -> None:
    found = read_jobs(jobs)
    store.enrol(found.jobs, force=False)
    kept = store.folder / POSES / f"{found.jobs[0].tracking}.npz"
    useless = store.folder / POSES / "other.npz"
    kept.touch()
    useless.touch()
    assert store.tidy() == 1
    assert (kept.exists(), useless.exists(), store.counts()[WAITING]) == (True, False, 2)


def test_news_are_heard(jobs: Path) -> None:
    heard: list[News] = []
    run_jobs(read_jobs(jobs), lambda scratch: ListEngine(), lambda *_: nullcontext(heard.append))
    assert [one.kind for one in heard if one.kind != "tick"] == [
        "tracking", "started", "started", "done", "done",
    ]  # fmt: skip


def test_a_file_of_somebodys_is_never_replaced_however_often_it_is_tried(jobs: Path) -> None:
    output = Path(read_jobs(jobs).jobs[0].output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(b"precious")
    for _ in range(2):
        counts, _ = run(jobs)
        assert (counts[DONE], counts[FAILED]) == (1, 1)
        assert output.read_bytes() == b"precious"


def test_keypoints_that_a_job_reads_are_written_by_none(jobs: Path) -> None:
    lines = jobs.read_text().splitlines()
    values = json.loads(lines[0])
    keypoints = jobs.parent / "dance.npz"
    save_poses(keypoints, PoseSequence.empty((64, 64), 3))
    other = {**values, "driving": str(keypoints), "out": "other.mp4"}
    jobs.write_text(json.dumps({**values, "save_poses": str(keypoints)}) + "\n" + json.dumps(other))
    checks = check_listed(read_jobs(jobs), force=True, timed=False)
    told = [one.text for one in checks.problems]
    assert f"{keypoints} is an input of a job; give it another name" in told
    assert not checks.good


@pytest.mark.parametrize("done", [False, True])
def test_keypoints_that_are_there_are_kept_without_force(jobs: Path, done: bool) -> None:
    """Be they a stranger's, or what a job reads that is done already."""
    lines = jobs.read_text().splitlines()
    values = {**json.loads(lines[0]), "out": "third.mp4"}
    keypoints = jobs.parent / "mine.npz"
    save_poses(keypoints, PoseSequence.empty((64, 64), 3))
    if done:
        linked = jobs.parent / "linked.npz"
        linked.symlink_to(Path(json.loads(lines[0])["driving"]))
        keypoints = linked
        run(jobs)
    before = keypoints.read_bytes()
    jobs.write_text("\n".join([*lines, json.dumps({**values, "save_poses": str(keypoints)})]))
    told = [one.text for one in check_listed(read_jobs(jobs), force=done, timed=False).problems]
    assert told == [
        f"{keypoints} is an input of a job; give it another name"
        if done
        else f"{keypoints} exists already; use --force to replace it, or another name"
    ]
    assert keypoints.read_bytes() == before


@pytest.mark.parametrize("key", ["save_poses", "save_compare"])
def test_only_the_video_can_go_to_a_url(jobs: Path, key: str) -> None:
    values = json.loads(jobs.read_text().splitlines()[0])
    jobs.write_text(json.dumps({**values, key: "s3://bucket/file"}))
    [problem] = read_jobs(jobs).problems
    assert "of a URL only the video" in problem.text


def test_a_name_that_is_no_text_is_a_problem_of_its_line_alone(jobs: Path) -> None:
    folder = jobs.parent / "films"
    folder.mkdir()
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.mp4")).touch()
    except OSError:
        pytest.skip("this system has only names that are text")
    values = json.loads(jobs.read_text().splitlines()[0])
    other = {**values, "driving": "films/*.mp4", "out": "other.mp4"}
    jobs.write_text(json.dumps(values) + "\n" + json.dumps(other))
    found = read_jobs(jobs)
    assert len(found.jobs) == 1
    assert "rename the file" in found.problems[0].text
