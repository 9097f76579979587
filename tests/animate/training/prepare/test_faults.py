"""Real films with one fault each, judged with the project's own tracker."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from animate.training.prepare import Plan, Prepared, prepare
from animate.training.prepare.entry import Entry
from animate.video import VideoWriter
from pose.files import load_poses, save_poses
from pose.track import track
from pose.video import load_image, open_video

Frame = NDArray[np.uint8]

FRAMES, FPS = 12, 12.0
SIZE = (256, 384)
LIMITS = {"seconds": 0.9}


def scaled(frame: Frame, size: tuple[int, int] = SIZE) -> Frame:
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def film(folder: Path, name: str, frames: Iterable[Frame]) -> None:
    first, *rest = frames
    with VideoWriter(folder / f"{name}.mp4", (first.shape[1], first.shape[0]), FPS) as writer:
        for frame in [first, *rest]:
            writer.write(frame)


def written(frame: Frame) -> Frame:
    out = frame.copy()
    for colour, width in ((0, 5), (255, 2)):
        cv2.putText(
            out, "Follow me", (20, 350), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (colour,) * 3, width
        )
    return out


def far_away(frame: Frame) -> Frame:
    out = np.full_like(frame, 128)
    out[130:250, 90:170] = scaled(frame, (80, 120))
    return out


def cut_off(frame: Frame) -> Frame:
    height, width = frame.shape[:2]
    return scaled(frame[: int(0.62 * height), int(0.3 * width) : int(0.7 * width)], (256, 397))


@pytest.fixture(scope="module")
def judged(
    dance: Path, hero: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Prepared, dict[str, Entry]]:
    """All faults prepared in one go, and what became of each by name."""
    folder = tmp_path_factory.mktemp("faults")
    dancing = [scaled(frame) for frame in islice(open_video(dance, stride=2), FRAMES)]
    wide = [frame.copy() for frame in islice(open_video(dance, stride=2), FRAMES)]
    nobody = np.kron(np.random.default_rng(0).integers(0, 256, (24, 16, 3)), np.ones((16, 16, 1)))
    nobody = nobody.astype(np.uint8)
    film(folder, "good", dancing)
    poses = track(folder / "good.mp4", workers=1)
    for name in ("blurred", "text"):  # beside the film, so that it need not be tracked again
        save_poses(folder / f"{name}.npz", poses)
    film(folder, "joined", chain(dancing, [np.ascontiguousarray(255 - f) for f in dancing]))
    twice = poses.take([*range(FRAMES)] * 2, FPS)
    save_poses(folder / "joined.npz", replace(twice, times=np.arange(2 * FRAMES) / FPS))
    film(folder, "blurred", (cv2.GaussianBlur(frame, (0, 0), 3.0) for frame in dancing))
    film(folder, "still", [scaled(load_image(hero))] * FRAMES)
    film(folder, "text", map(written, dancing))
    film(folder, "two", (np.hstack([frame, frame[:, ::-1]]) for frame in dancing))
    film(folder, "far", map(far_away, dancing))
    film(folder, "cut_off", map(cut_off, wide))
    film(folder, "short", dancing[:6])
    film(folder, "empty", (np.roll(nobody, 4 * number, 1) for number in range(FRAMES)))
    film(folder, "small", (scaled(frame, (128, 192)) for frame in dancing))
    (folder / "broken.mp4").write_bytes((folder / "good.mp4").read_bytes()[:500])
    shutil.copy(folder / "good.mp4", folder / "twin.mp4")
    shutil.copy(hero, folder / "photo.png")
    done = prepare([folder], folder.parent / f"{folder.name}-dataset", Plan(limits=LIMITS))
    return done, {Path(entry.source).stem: entry for entry in done.entries}


@pytest.mark.parametrize("name", ["good", "photo"])
def test_what_is_good_is_kept(judged: tuple[Prepared, dict[str, Entry]], name: str) -> None:
    entry = judged[1][name]
    assert entry.lines() == []
    assert entry.row is not None


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("blurred", "blur"),
        ("still", "change"),
        ("text", "letters"),
        ("two", "alone"),
        ("far", "height"),
        ("cut_off", "cut_off"),
        ("short", "seconds"),
        ("empty", "present"),
        ("small", "short_side"),
        ("broken", "readable"),
        ("twin", "single"),
    ],
)
def test_each_fault_breaks_its_rule(
    judged: tuple[Prepared, dict[str, Entry]], name: str, rule: str
) -> None:
    entry = judged[1][name]
    assert rule in [breach.rule for breach in entry.breaches]
    assert entry.row is None


def test_a_joined_film_becomes_two_clips(judged: tuple[Prepared, dict[str, Entry]]) -> None:
    clips = [entry for entry in judged[0].entries if Path(entry.source).stem == "joined"]
    assert [(clip.first, clip.last) for clip in clips] == [(0, FRAMES), (FRAMES, 2 * FRAMES)]


def test_the_report_tells_every_dropped_clip_with_a_picture(
    judged: tuple[Prepared, dict[str, Entry]],
) -> None:
    folder = judged[0].folder
    report = json.loads((folder / "report.json").read_text())
    page = (folder / "report.html").read_text()
    assert report["dropped"] == len(report["clips"]) == sum(report["by_rule"].values())
    for clip in report["clips"]:
        assert clip["reasons"]
        assert clip["name"] in page
        if clip["reasons"][0]["rule"] not in ("readable", "single"):
            assert f'src="{clip["thumb"]}"' in page
            assert load_image(folder / clip["thumb"]).shape[1] >= 100


def test_dropped_films_leave_nothing_behind(judged: tuple[Prepared, dict[str, Entry]]) -> None:
    folder = judged[0].folder
    names = {row.name for row in judged[0].rows}
    assert {path.stem for path in (folder / "clips").iterdir()} == names
    assert {path.stem for path in (folder / "poses").iterdir()} == names
    assert not list((folder / ".prepare" / "waiting").iterdir())


@pytest.mark.slow
def test_everybody_is_kept_when_asked_for(judged: tuple[Prepared, dict[str, Entry]]) -> None:
    source, folder = judged[1]["two"].source, judged[0].folder.with_name("everybody")
    (row,) = prepare([source], folder, Plan(limits=LIMITS, people="all")).rows
    assert load_poses(folder / row.poses).people == 2


def test_a_filmed_dance_is_kept(shared: Path, tmp_path: Path) -> None:
    clip = islice(open_video(shared / "data" / "dance_a.mp4", stride=2), FRAMES)
    film(tmp_path, "dance", (scaled(frame, (288, 512)) for frame in clip))
    done = prepare([tmp_path], tmp_path / "dataset", Plan(limits=LIMITS))
    assert [entry.lines() for entry in done.entries] == [[]]
