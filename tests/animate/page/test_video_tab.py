"""What a run of the video tab leaves, however it ends."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("gradio")

from animate.config import Settings
from animate.page import poses, video
from animate.page.runs import Stopped
from animate.page.shelf import Shelf
from animate.page.site import Offer, Site
from animate.progress import ignore


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(offer=Offer(uploads=tmp_path / "uploads"), shelf=Shelf(tmp_path / "results"))


@pytest.fixture
def asked(dance: Path, hero: Path, tiny_model: Path) -> video.Asked:
    settings = Settings(model=str(tiny_model), size=(64, 96), frames=3, steps=1, device="cpu")
    return video.Asked(driving=dance, ref=hero, settings=settings, audio=True, judged=True)


def stopping(at: str) -> object:
    def progress(stage: str, done: int, total: int) -> None:
        if stage == at:
            raise Stopped

    return progress


@pytest.mark.parametrize("at", ["denoise", "decode"])
def test_a_stopped_run_leaves_its_journal_alone_and_goes_on(
    at: str, site: Site, asked: video.Asked
) -> None:
    with pytest.raises(Stopped):
        video.make(site, asked, stopping(at), lambda line: None)  # type: ignore[arg-type]
    [journal] = site.shelf.folder.iterdir()
    assert re.fullmatch(r"\.dance_hero\.[0-9a-f]{8}\.mp4\.journal", journal.name)
    lines: list[str] = []
    made = video.make(site, asked, ignore, lines.append)
    assert any("oes on" in line for line in lines)
    assert made.video.name == "dance_hero.mp4"
    assert all(one.exists() for one in made.files)
    assert not list(site.shelf.folder.glob(".*"))


def test_who_stops_the_judge_keeps_the_video(site: Site, asked: video.Asked) -> None:
    made = video.make(site, asked, stopping("judge"), lambda line: None)  # type: ignore[arg-type]
    names = [one.name for one in made.files]
    assert names == ["dance_hero.mp4", "dance_hero_compare.mp4", "dance_hero.npz"]
    assert all(one.exists() for one in made.files)


def test_files_of_the_same_names_have_journals_of_their_own(
    site: Site, asked: video.Asked, tmp_path: Path
) -> None:
    other = tmp_path / "hero.png"
    Image.open(asked.ref).rotate(1).save(other)
    for each in (asked, replace(asked, ref=other)):
        lines: list[str] = []
        with pytest.raises(Stopped):
            video.make(site, each, stopping("denoise"), lines.append)  # type: ignore[arg-type]
        assert not any("interrupted run" in line for line in lines)
    assert len(list(site.shelf.folder.iterdir())) == 2


def test_the_command_says_what_was_left_out(site: Site, asked: video.Asked) -> None:
    quiet = replace(asked, audio=False, judged=False)
    made = video.make(site, quiet, ignore, lambda line: None)
    assert made.command.endswith("--no-audio --no-eval")


@pytest.mark.parametrize("at", ["draw", "overlay"])
def test_stopped_poses_leave_no_file(at: str, site: Site, three_frames: Path) -> None:
    with pytest.raises(Stopped):
        poses.make(site, three_frames, "official", Settings(), stopping(at), lambda line: None)  # type: ignore[arg-type]
    assert list(site.shelf.folder.iterdir()) == []
