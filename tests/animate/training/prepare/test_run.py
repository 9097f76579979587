"""From films to a data set: going on after a stop, sharing the work, shards, captions."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animate.annotators.edges import canny
from animate.errors import OutputError, UsageError
from animate.training.prepare import (
    Annotator,
    Plan,
    prepare,
    read_index,
    register_annotator,
    register_captioner,
)
from pose.files import load_poses
from pose.video import open_video

from ..films import FPS, FRAMES, HEIGHT, PLAN, WIDTH, make_film, prepare_films

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def five(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five of the films."""
    folder = tmp_path_factory.mktemp("five")
    for number in range(5):
        for suffix in (".mp4", ".npz"):
            shutil.copy(films / f"film{number:02d}{suffix}", folder)
    return folder


@pytest.fixture(scope="module")
def prepared(five: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """These as a data set, made without a stop by one process."""
    return prepare_films(five, tmp_path_factory.mktemp("whole") / "dataset").folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the lock."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_every_film_is_there_with_its_keypoints(prepared: Path) -> None:
    rows = read_index(prepared)
    assert len(rows) == 5
    for row in rows:
        clip, poses = open_video(prepared / row.clip), load_poses(prepared / row.poses)
        assert (row.width, row.height, row.frames, row.fps) == (WIDTH, HEIGHT, FRAMES, FPS)
        assert (len(clip), clip.size) == (FRAMES, (WIDTH, HEIGHT))
        assert (len(poses), poses.size, poses.source) == (FRAMES, clip.size, Path(row.source).name)


def test_two_processes_give_the_same_as_one(five: Path, prepared: Path, tmp_path: Path) -> None:
    prepare_films(five, tmp_path / "dataset", workers=2)
    assert contents(tmp_path / "dataset") == contents(prepared)


def test_a_killed_run_goes_on_to_an_equal_data_set(
    five: Path, prepared: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "dataset"
    limits = [f"{name}={'off' if limit is None else limit}" for name, limit in PLAN.limits.items()]
    rules = [word for limit in limits for word in ("--rule", limit)]
    command = [sys.executable, "-m", "animate", "prepare", five, "-o", folder, "--workers", "1"]
    run = subprocess.Popen([*map(str, command), *rules], cwd=ROOT, stdout=subprocess.DEVNULL)
    while run.poll() is None and len(list(folder.glob(".prepare/entries/*.json"))) < 2:
        time.sleep(0.005)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert not (folder / "index.jsonl").exists()
    done = {path: path.stat().st_mtime_ns for path in folder.glob(".prepare/entries/*.json")}
    prepare_films(five, folder)
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert contents(folder) == contents(prepared)


def test_a_run_killed_after_moving_a_clip_goes_on(
    five: Path, prepared: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "dataset"
    shutil.copytree(prepared, folder)
    next(folder.glob(".prepare/entries/*.json")).unlink()
    prepare_films(five, folder)
    assert contents(folder) == contents(prepared)


def test_what_is_added_later_joins(five: Path, prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    shutil.copytree(prepared, folder)
    make_film(tmp_path, 77)
    assert len(prepare([tmp_path / "film77.mp4"], folder, PLAN).rows) == 6


def test_another_plan_is_refused_with_what_differs(five: Path, prepared: Path) -> None:
    with pytest.raises(UsageError, match=r"longest 10\.0, not 3"):
        prepare([five], prepared, Plan(limits=PLAN.limits, longest=3))


def test_two_runs_at_once_are_refused(five: Path, tmp_path: Path) -> None:
    from animate.journal import lock_file

    prepare_films(five, tmp_path / "dataset")
    with lock_file(tmp_path / "dataset" / ".prepare" / "lock"), pytest.raises(OutputError):
        prepare_films(five, tmp_path / "dataset")


def test_a_long_scene_is_divided_and_so_are_its_keypoints(tmp_path: Path) -> None:
    film = make_film(tmp_path, 3, frames=30)
    truth = load_poses(film.with_suffix(".npz"))
    rows = prepare([film], tmp_path / "dataset", Plan(limits=PLAN.limits, longest=1)).rows
    assert [row.frames for row in rows] == [10, 10, 10]
    assert [row.start for row in rows] == pytest.approx([0, 10 / FPS, 20 / FPS])
    second = load_poses(tmp_path / "dataset" / rows[1].poses)
    assert np.array_equal(second.keypoints, truth.keypoints[10:20])
    assert second.times[0] == 0


def test_keypoints_of_another_film_are_told(tmp_path: Path) -> None:
    film = make_film(tmp_path, 3)
    shutil.copy(make_film(tmp_path, 4, frames=5).with_suffix(".npz"), film.with_suffix(".npz"))
    (entry,) = prepare([film], tmp_path / "dataset", PLAN).entries
    assert "film03.npz holds 5 frames" in entry.lines()[0]


def test_clips_and_keypoints_are_shrunk_together(tmp_path: Path) -> None:
    film = make_film(tmp_path, 3)
    truth = load_poses(film.with_suffix(".npz"))
    plan = Plan(limits=PLAN.limits, short_side=32)
    (row,) = prepare([film], tmp_path / "dataset", plan).rows
    poses = load_poses(tmp_path / "dataset" / row.poses)
    assert (row.width, row.height) == open_video(tmp_path / "dataset" / row.clip).size == (32, 48)
    assert poses.keypoints == pytest.approx(truth.keypoints / 2)


def test_captions_come_from_the_list_or_from_beside_and_may_change(
    five: Path, tmp_path: Path
) -> None:
    listed, folder = tmp_path / "captions.jsonl", tmp_path / "dataset"
    listed.write_text(json.dumps({"file": "film00.mp4", "caption": "one"}))
    films = tmp_path / "films"
    shutil.copytree(five, films)
    (films / "film01.txt").write_text("two\nlines\n")
    plan = Plan(limits=PLAN.limits, captions=listed)
    rows = prepare([films], folder, plan).rows
    assert [row.caption for row in rows] == ["one", "two lines", "", "", ""]
    listed.write_text(json.dumps({"file": "film00.mp4", "caption": "another"}))
    assert prepare([films], folder, plan).rows[0].caption == "another"


def test_a_captioner_describes_what_has_no_caption(five: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, ...]] = []

    def describe(picture: np.ndarray) -> str:
        seen.append(picture.shape)
        return "a figure"

    register_captioner("test", lambda: describe)
    films = tmp_path / "films"
    shutil.copytree(five, films)
    (films / "film01.txt").write_text("own words")
    rows = prepare([films], tmp_path / "d", Plan(limits=PLAN.limits, captioner="test")).rows
    assert [row.caption for row in rows] == ["a figure", "own words", *["a figure"] * 3]
    assert seen == [(HEIGHT, WIDTH, 3)] * 4


def test_slow_control_maps_are_stored_and_quick_ones_not(tmp_path: Path) -> None:
    register_annotator("slow", Annotator(canny))
    plan = Plan(limits=PLAN.limits, annotators=("canny", "slow"))
    (row,) = prepare([make_film(tmp_path, 1)], tmp_path / "dataset", plan).rows
    assert list(row.controls) == ["slow"]
    assert len(open_video(tmp_path / "dataset" / row.controls["slow"])) == FRAMES


def test_photographs_without_persons_can_be_asked_for(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 70, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    limits = {"short_side": 64.0}
    (row,) = prepare([tmp_path], tmp_path / "d", Plan(people="any", limits=limits)).rows
    assert (row.still, row.frames, row.poses, row.width, row.height) == (True, 1, "", 70, 80)


def test_nothing_to_prepare_and_unknown_names_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to prepare"):
        prepare([tmp_path], tmp_path / "d")
    with pytest.raises(UsageError, match="no such file"):
        prepare([tmp_path / "none"], tmp_path / "d")
    with pytest.raises(UsageError, match=r"unknown annotator 'depht'.*canny"):
        prepare([tmp_path], tmp_path / "d", Plan(annotators=("depht",)))
