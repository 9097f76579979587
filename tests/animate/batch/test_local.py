"""Real worker processes, and the command, killed while they work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from animate.batch.engines.local import LocalEngine
from animate.batch.run import Batch, News
from animate.batch.store import DONE, FAILED, Store
from animate.batch.worker import Worker
from animate.cli import main
from animate.errors import AnimateError
from animate.progress import ignore
from tests.animate.batch.clips import listed, small_jobs
from tests.animate.batch.conftest import make_jobs

ROOT = Path(__file__).resolve().parents[3]
POLL = 0.05  # seconds


def test_workers_that_cannot_start_are_told(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "import sys; sys.exit('no such library')"
    monkeypatch.setattr("animate.batch.engines.local.PROGRAM", program)
    store.enrol(make_jobs(tmp_path, 1), force=False)
    with (
        LocalEngine(store.folder / "scratch", workers=1, threads=1) as engine,
        pytest.raises(AnimateError, match="no such library"),
    ):
        Batch(store, engine, tracked=[], watch=lambda news: None).run()


@pytest.mark.slow
def test_a_killed_worker_costs_nothing_and_a_bad_job_only_itself(
    store: Store, dance: Path, hero: Path, tiny_model: Path, tmp_path: Path
) -> None:
    jobs = small_jobs(tmp_path, tiny_model, dance, hero, 3)
    Path(tmp_path / "bad.mp4").write_bytes(b"no film")
    bad = small_jobs(tmp_path / "bad", tiny_model, tmp_path / "bad.mp4", hero, 1)
    killed = []

    def watch(news: News) -> None:
        if news.stage == "denoise" and not killed:
            killed.append(engine.processes[0])
            os.kill(killed[0], signal.SIGKILL)

    store.enrol([*jobs, *bad], force=False)
    outputs = [job.output for job in (*jobs, *bad)]
    with LocalEngine(store.folder / "scratch", workers=1, threads=1) as engine:
        Batch(store, engine, tracked=outputs, watch=watch).run()
    assert [one.state for one in store.records()] == [DONE] * 3 + [FAILED]
    assert sum(one.losses for one in store.records()) == len(killed) == 1
    there = {job.output: Path(job.output).read_bytes() for job in jobs}
    worker = Worker(tmp_path / "scratch", threads=1)
    for job in jobs:
        Path(job.output).unlink()
        worker.make(job, None, ignore, None)
        assert Path(job.output).read_bytes() == there[job.output]


@pytest.mark.slow
def test_workers_that_are_told_to_end_leave_no_partial_film(
    store: Store, dance: Path, hero: Path, tiny_model: Path, tmp_path: Path
) -> None:
    [job] = small_jobs(tmp_path, tiny_model, dance, hero, 1, frames=90)

    class Enough(Exception):
        pass

    def watch(news: News) -> None:
        if news.stage == "decode":
            raise Enough

    store.enrol([job], force=False)
    with (
        pytest.raises(Enough),
        LocalEngine(store.folder / "scratch", workers=1, threads=1) as engine,
    ):
        Batch(store, engine, tracked=[job.output], watch=watch).run()
    assert not list(tmp_path.glob(".*partial*"))
    assert not Path(job.output).exists()
    assert list(tmp_path.glob(".*.journal"))


@pytest.mark.slow
def test_the_killed_command_goes_on_and_repeats_nothing(
    dance: Path, hero: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = listed(tmp_path, tiny_model, dance, hero, 3)
    command = [sys.executable, "-m", "animate", "batch", str(path), "--cores=1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment)
    while not (tmp_path / "0.mp4").exists():
        assert process.poll() is None
        time.sleep(POLL)
    process.kill()
    process.wait()
    first = (tmp_path / "0.mp4").stat().st_ino
    assert main(["batch", str(path), "--cores=1"]) == 0
    assert (tmp_path / "0.mp4").stat().st_ino == first
    told = capsys.readouterr().out
    assert "3 done" in told
    assert main(["batch", "status", str(path)]) == 0
    left = {entry.name for entry in tmp_path.iterdir() if not entry.name.startswith(".")}
    assert left == {"0.mp4", "1.mp4", "2.mp4", path.name, "jobs.report.html", "jobs.report.json"}
    assert not [entry for entry in tmp_path.iterdir() if entry.name.endswith(".journal")]
