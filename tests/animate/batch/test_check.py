"""A dry run finds every problem, with its line, and loads no model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from animate.batch.check import check_jobs
from animate.batch.session import read_jobs
from animate.cli import main
from tests.animate.batch.clips import SMALL


def mixed(folder: Path, model: Path, driving: Path, ref: Path) -> Path:
    """A list with a good line and one for each kind of trouble."""
    good = {"driving": str(driving), "ref": str(ref), "model": str(model), **SMALL}
    (folder / "there.mp4").touch()
    (folder / "text.mp4").write_text("no film")
    rows = [
        good,
        {**good, "out": "1.mp4", "driving": "nosuch.mp4"},
        {**good, "out": "2.mp4", "driving": "text.mp4"},
        {**good, "out": "3.mp4", "ref": "text.mp4"},
        {**good, "out": "4.mp4", "steps": 0},
        {**good, "out": "5.mp4", "steps": "many"},
        {**good, "out": "6.mp4", "model": "nosuch"},
        {**good, "out": "there.mp4"},
        {**good, "out": "8.txt"},
        {**good, "stepz": 3},
    ]
    path = folder / "jobs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_every_problem_is_told_with_its_line(
    dance: Path, hero: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = mixed(tmp_path, tiny_model, dance, hero)
    before = {entry.name for entry in tmp_path.iterdir()}
    assert main(["batch", str(path), "--dry-run"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in told[:9]] == [f"Line {n}" for n in range(2, 11)]
    assert told[9].startswith("Jobs that can run: 1, with 3 frames; films to track: 1; problems: 9")
    assert told[10].startswith("Time: about")
    assert {entry.name for entry in tmp_path.iterdir()} == before


def test_no_model_is_loaded(
    dance: Path, hero: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = read_jobs(mixed(tmp_path, tiny_model, dance, hero))
    monkeypatch.setitem(sys.modules, "animate.pipelines.video", None)  # importing it would fail
    checks = check_jobs(listed.jobs)
    [good] = checks.good
    assert (good.frames, good.tracked) == (3, True)
    assert good.seconds is not None
    assert 0 < good.seconds < 600


def test_a_list_without_any_job_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text("driving,ref,stepz\na,b,1\n")
    assert main(["batch", str(path)]) == 2
    assert "line 2: unknown key stepz" in capsys.readouterr().err
    assert main(["batch", "status", str(path)]) == 2


@pytest.mark.parametrize("wrong", ["--workers=0", "--cores=0", "--retries=-1"])
def test_counts_that_make_no_sense_are_refused(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["batch", str(tmp_path / "jobs.yaml"), wrong]) == 2
    assert wrong.partition("=")[0] in capsys.readouterr().err
