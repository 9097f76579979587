"""Killed runs of the command, and calls that were interrupted, go on to the very same bytes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

import animate
from animate.errors import OutputError
from animate.journal import LATENTS, Journal
from animate.result import Result
from tests.full_disk import no_file_beyond

ROOT = Path(__file__).resolve().parents[2]
STEPS = 3
POLL = 0.002  # seconds
Call = Callable[..., Result]


# As a command that is killed


class Command:
    """The command on one output, in processes of their own."""

    def __init__(self, folder: Path, *words: object) -> None:
        self.folder = folder
        self.output = folder / "out.mp4"
        self.journal = folder / ".out.mp4.journal"
        self.words = [*map(str, words), "-o", str(self.output)]

    def start(self) -> subprocess.Popen[str]:
        # Processes are told apart from those of other tests by this folder in their arguments.
        return subprocess.Popen(
            [sys.executable, "-m", "animate", *self.words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> str:
        """What it says until it has ended well."""
        process = self.start()
        told, _ = process.communicate(timeout=120)
        assert process.returncode == 0, told
        return told

    def kill_at(self, pattern: str) -> str:
        """Kill it as soon as a file like this exists; what it had said until then."""
        process = self.start()
        while not any(self.folder.glob(pattern)):
            assert process.poll() is None, f"it ended before there was {pattern}"
            time.sleep(POLL)
        process.kill()
        told, _ = process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL, told
        return told


def survivors(text: str, seconds: float = 5.0) -> list[str]:
    """Command lines with `text` in them of processes that live on after some seconds."""
    end = time.monotonic() + seconds
    while True:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            line = ""
            with suppress(OSError):  # it has ended meanwhile
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            if text in line and int(entry.name) != os.getpid():
                found.append(line)
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.05)


def test_a_run_killed_in_every_stage_ends_as_one_that_was_not(
    dance: Path, hero: Path, tiny_model: Path, tmp_path: Path
) -> None:
    words = [dance, "--ref", hero, "--model", tiny_model, "--size", "64x96", "--frames", 12]
    words += ["--steps", STEPS, "--no-cache", "--save-compare", "both.mp4", "--no-eval"]
    other, command = (Command(tmp_path / name, *words) for name in ("a", "b"))
    for one in (other, command):
        one.folder.mkdir()
    with other.start() as undisturbed:  # at the same time: most of it is loading libraries
        command.kill_at(".out.mp4.journal/inputs.json")  # tracking
        assert not list(command.journal.glob("*.npz"))
        command.kill_at(f".out.mp4.journal/{LATENTS}")
        tracked = (command.journal / "driving.npz").stat().st_mtime_ns
        told = command.kill_at(".out.*.partial.mp4")  # decoding
        assert "Goes on where a run was interrupted" in told
        assert "Denoising goes on after step" in told
        assert (command.journal / "driving.npz").stat().st_mtime_ns == tracked
        assert not survivors(str(command.folder))
        assert {path.suffix for path in command.folder.iterdir()} == {".journal", ".mp4"}
        assert not command.output.exists()

        assert f"Denoising goes on after step {STEPS} of {STEPS}" in command.run()
        assert sorted(path.name for path in command.folder.iterdir()) == ["both.mp4", "out.mp4"]
        told, _ = undisturbed.communicate(timeout=120)
        assert undisturbed.returncode == 0, told
    for name in ("both.mp4", "out.mp4"):
        assert (command.folder / name).read_bytes() == (other.folder / name).read_bytes()


# As a call


class Stop(Exception):
    """Raised in a progress callback."""


@pytest.fixture(scope="module")
def call(dance: Path, hero: Path, tiny_model: Path) -> Call:
    """animate() with few frames in several windows; stop=(stage, done) ends it there."""

    def run(journal: Path | None = None, stop: tuple[str, int] | None = None, **other: Any) -> Any:
        def progress(stage: str, done: int, total: int) -> None:
            if (stage, done) == stop:
                raise Stop

        settings = {"ref": hero, "model": str(tiny_model), "size": (64, 96), "steps": STEPS,
                    "frames": 6, "window": 4, "device": "cpu", **other}  # fmt: skip
        return animate.animate(dance, journal=journal, progress=progress, **settings)

    return run


@pytest.fixture(scope="module")
def undisturbed(call: Call) -> Result:
    return call()


@pytest.fixture(scope="module", params=["EulerAncestralDiscrete", "DPMSolverMultistep"])
def other_model(request: Any, tiny_model: Path, tmp_path_factory: Any) -> Path:
    """The tiny model in the official look, whose frames start from noise of their own."""
    folder = tmp_path_factory.mktemp("models") / request.param
    shutil.copytree(tiny_model, folder)
    changes = {
        "controlnext/config.json": {"control_look": "official"},
        "model_index.json": {"scheduler": ["diffusers", f"{request.param}Scheduler"]},
        "scheduler/scheduler_config.json": {"timestep_type": "discrete"},
    }
    for name, change in changes.items():
        config = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**config, **change}))
    return folder


def test_every_scheduler_goes_on_to_equal_latents(
    call: Call, other_model: Path, tmp_path: Path
) -> None:
    other = {"model": str(other_model), "guidance": 1.5, "overlap": 0}
    expected = call(**other).latents
    with pytest.raises(Stop):
        call(tmp_path / "journal", ("denoise", 3), **other)  # of two windows a step
    assert torch.equal(call(tmp_path / "journal", **other).latents, expected)


def test_a_changed_seed_starts_afresh_and_says_so(
    call: Call, undisturbed: Result, tmp_path: Path
) -> None:
    lines: list[str] = []
    with pytest.raises(Stop):
        call(tmp_path / "journal", ("denoise", 3), seed=1)
    changed = call(tmp_path / "journal", report=lines.append)
    assert "The interrupted run had another seed: starts afresh" in lines
    assert torch.equal(changed.latents, undisturbed.latents)


def test_saving_removes_the_journal_and_failing_to_save_does_not(
    call: Call, tmp_path: Path
) -> None:
    folder = tmp_path / "journal"
    result = call(folder)
    with pytest.raises(OutputError):
        result.save(tmp_path / "nowhere" / "out.mp4")
    assert folder.is_dir()
    result.save(tmp_path / "out.mp4")
    assert not folder.exists()
    result.save(tmp_path / "again.mp4")


def test_no_room_for_the_journal_costs_one_line(
    call: Call, undisturbed: Result, tmp_path: Path
) -> None:
    lines: list[str] = []
    with no_file_beyond(20_000):  # the latents take 150,000 bytes
        result = call(tmp_path / "journal", report=lines.append)
    assert sum("cannot be noted" in line for line in lines) == 1
    assert torch.equal(result.latents, undisturbed.latents)


def test_no_room_for_the_video_is_an_error_after_which_it_goes_on(
    call: Call, tmp_path: Path
) -> None:
    output, folder = tmp_path / "out.mp4", tmp_path / "journal"
    result = call(folder)
    with no_file_beyond(4_000), pytest.raises(OutputError, match="ffmpeg"):
        result.save(output)
    assert [folder] == list(tmp_path.iterdir())
    result.journal.close()
    lines: list[str] = []
    call(folder, report=lines.append).save(output)
    assert f"Denoising goes on after step {STEPS} of {STEPS}" in lines
    assert [output] == list(tmp_path.iterdir())


def test_a_second_run_of_the_same_output_is_refused(call: Call, tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal")
    first.open()
    with pytest.raises(OutputError, match="another run is writing this output"):
        call(tmp_path / "journal")
