"""What a run of the video tab leaves, however it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("gradio")

from animate.config import Settings
from animate.page import video
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
    assert [one.name for one in site.shelf.folder.iterdir()] == [".dance_hero.mp4.journal"]
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
