"""What is noted comes back, to the run that it belongs to and to no other."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from animate.errors import OutputError
from animate.journal import LATENTS, Journal, Standing, forget, journal_path
from pose.skeleton import COUNT, PoseSequence

SETTINGS: dict[str, Any] = {"seed": 0, "size": (64, 96), "steps": 3, "guidance": 1.5}
STANDING = Standing(2, torch.randn(1, 3, 4, 6, 5), torch.Generator().manual_seed(1).get_state())


@pytest.fixture
def lines() -> list[str]:
    """What the journal reported."""
    return []


@pytest.fixture
def journal(tmp_path: Path, lines: list[str]) -> Journal:
    return opened(tmp_path / ".out.mp4.journal", lines)


def opened(folder: Path, lines: list[str]) -> Journal:
    journal = Journal(folder, lines.append)
    journal.open()
    return journal


def noted(journal: Journal, lines: list[str], **inputs: Any) -> Journal:
    """The journal of a run with one step more than begun, killed, and opened by the next run."""
    journal.begin({"driving source": "ab", **inputs})
    journal.standing(SETTINGS)
    journal.keep(STANDING)
    journal.close()
    assert journal.folder is not None
    return opened(journal.folder, lines)


def poses(people: int = 1) -> PoseSequence:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 90, (4, people, COUNT, 2))
    points[1, :, 3:9] = np.nan
    return PoseSequence(
        keypoints=points, scores=rng.uniform(0.1, 1, points.shape[:3]), size=(64, 96), fps=23.976
    )


def test_a_step_comes_back_exactly(journal: Journal, lines: list[str]) -> None:
    again = noted(journal, lines)
    again.begin({"driving source": "ab"})
    back = again.standing(SETTINGS)
    assert back is not None
    assert back.step == 2
    assert torch.equal(back.latents, STANDING.latents)
    assert torch.equal(back.generator, STANDING.generator)
    assert lines[-1] == "Denoising goes on after step 2 of 3"


def test_latents_on_loan_are_stored_as_they_look(journal: Journal, lines: list[str]) -> None:
    view = torch.randn(1, 5, 4, 6, 7).transpose(3, 4)[:, 1:4]
    journal.standing(SETTINGS)
    journal.keep(Standing(1, view, STANDING.generator))
    back = journal.standing(SETTINGS)
    assert back is not None
    assert torch.equal(back.latents, view)


@pytest.mark.parametrize("people", [0, 1, 2])
def test_poses_come_back_exactly(journal: Journal, people: int) -> None:
    journal.keep_poses("driving", poses(people))
    back = journal.poses("driving")
    assert back is not None
    assert np.array_equal(back.keypoints, poses(people).keypoints, equal_nan=True)
    assert np.array_equal(back.scores, poses(people).scores)
    assert (back.fps, back.size) == (23.976, (64, 96))
    assert journal.poses("reference") is None


@pytest.mark.parametrize(("name", "value"), [("seed", 1), ("size", (64, 64)), ("guidance", 2)])
def test_another_setting_starts_afresh_and_says_so(
    journal: Journal, lines: list[str], name: str, value: Any
) -> None:
    again = noted(journal, lines)
    again.begin({"driving source": "ab"})
    assert again.standing({**SETTINGS, name: value}) is None
    assert lines[-1] == f"The interrupted run had another {name}: starts afresh"
    assert again.standing(SETTINGS) is None


def test_other_inputs_start_afresh_and_say_so(journal: Journal, lines: list[str]) -> None:
    journal.keep_poses("driving", poses())
    again = noted(journal, lines, frames=3)
    again.begin({"driving source": "cd", "frames": 4})
    assert lines == ["The interrupted run had another driving source, frames: starts afresh"]
    assert again.poses("driving") is None
    assert again.standing(SETTINGS) is None


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"cut"])
def test_damaged_notes_start_afresh(journal: Journal, lines: list[str], content: bytes) -> None:
    again = noted(journal, lines)
    assert again.folder is not None
    (again.folder / LATENTS).write_bytes(content)
    (again.folder / "driving.npz").write_bytes(content)
    assert again.standing(SETTINGS) is None
    assert again.poses("driving") is None
    assert lines[-1].endswith("starts afresh")


def test_a_run_that_noted_nothing_leaves_nothing(journal: Journal, tmp_path: Path) -> None:
    journal.begin({"driving source": "ab"})
    journal.close()
    assert not list(tmp_path.iterdir())


def test_a_finished_run_leaves_nothing(journal: Journal, lines: list[str], tmp_path: Path) -> None:
    noted(journal, lines).remove()
    assert not list(tmp_path.iterdir())


def test_two_runs_of_one_output_are_kept_apart(journal: Journal, lines: list[str]) -> None:
    assert journal.folder is not None
    with pytest.raises(OutputError, match="another run is writing this output"):
        opened(journal.folder, lines)
    journal.close()
    opened(journal.folder, lines).close()


def test_a_full_disk_costs_one_line_and_keeps_the_step_before(
    journal: Journal, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = noted(journal, lines)

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    again.standing(SETTINGS)
    del lines[:]
    for step in (3, 4):
        again.keep(Standing(step, STANDING.latents, STANDING.generator))
    assert len(lines) == 1
    assert "No space left on device" in lines[0]
    assert again.folder is not None
    assert not list(again.folder.glob("*.partial"))
    back = again.standing(SETTINGS)
    assert back is not None
    assert back.step == 2


def test_a_folder_that_cannot_be_made_costs_one_line(tmp_path: Path, lines: list[str]) -> None:
    journal = opened(tmp_path / "nowhere" / "journal", lines)
    journal.begin({"driving source": "ab"})
    journal.keep(STANDING)
    journal.keep_poses("driving", poses())
    assert journal.standing(SETTINGS) is None
    assert journal.poses("driving") is None
    assert len(lines) == 1


def test_no_folder_is_no_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    journal = Journal()
    journal.open()
    journal.begin({})
    journal.keep(STANDING)
    assert journal.standing(SETTINGS) is None
    journal.remove()
    assert not list(tmp_path.iterdir())


def test_notes_older_than_the_video_are_of_a_finished_run(
    journal: Journal, lines: list[str], tmp_path: Path
) -> None:
    noted(journal, lines).close()
    output = tmp_path / "out.mp4"
    output.write_bytes(b"old")
    os.utime(output, (1, 1))
    forget(output, finished_only=True)
    assert journal_path(output).is_dir()
    os.utime(output)
    forget(output, finished_only=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_living_run_keeps_its_notes(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"newer")
    forget(tmp_path / "out.mp4", finished_only=False)
    assert journal.folder is not None
    assert journal.folder.is_dir()


@pytest.mark.parametrize("place", ["", LATENTS, f"{LATENTS}.partial"])
def test_nothing_is_removed_through_a_link(tmp_path: Path, place: str) -> None:
    precious = tmp_path / "elsewhere" / "precious"
    precious.parent.mkdir()
    precious.write_text("mine")
    folder = tmp_path / ".a.mp4.journal"
    if place:
        folder.mkdir()
        (folder / place).symlink_to(precious)
    else:
        folder.symlink_to(precious.parent)
    with pytest.raises(OutputError, match="is a link"):
        Journal(folder).open()
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("noted", ["3", "NaN", "[1]", "null", '"seed"', "{", "[" * 100_000])
def test_notes_that_are_no_facts_are_forgotten(tmp_path: Path, noted: str) -> None:
    lines: list[str] = []
    folder = tmp_path / ".a.mp4.journal"
    journal = Journal(folder, lines.append)
    journal.open()
    (folder / "inputs.json").write_text(noted)
    (folder / "poses.npz").write_bytes(b"of another run")
    journal.begin({"seed": 1})
    assert sorted(path.name for path in folder.iterdir()) == ["inputs.json", "lock"]
    assert not lines or "starts afresh" in lines[0]
    journal.close()


@pytest.mark.parametrize(
    "standing",
    [
        replace(STANDING, step=4),
        replace(STANDING, step=-1),
        replace(STANDING, latents=torch.ones(3)),
    ],
)
def test_a_standing_that_no_run_had_is_forgotten(tmp_path: Path, standing: Standing) -> None:
    lines: list[str] = []
    journal = Journal(tmp_path / ".a.mp4.journal", lines.append)
    journal.open()
    assert journal.standing(SETTINGS) is None  # of three steps
    journal.keep(standing)
    assert journal.standing(SETTINGS) is None
    assert "damaged (no step of the run)" in lines[-1]
    journal.close()
