"""What may set the motion, opened at the rate that is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animate.config import Settings
from animate.driving import find_poses, open_driving
from animate.progress import ignore
from pose.draw import draw
from pose.files import save_openpose, save_poses
from pose.skeleton import COUNT, PoseSequence

FRAMES = 10


@pytest.fixture(scope="module")
def poses() -> PoseSequence:
    """Two persons in 10 frames at 10 per second; the second stands on the right."""
    rng = np.random.default_rng(0)
    one = rng.uniform((10, 20), (90, 180), (FRAMES, 1, COUNT, 2))
    return PoseSequence(
        keypoints=np.concatenate([one, one + np.array([100, 0])], axis=1),
        scores=np.full((FRAMES, 2, COUNT), 0.9),
        size=(200, 200),
        fps=10.0,
    )


@pytest.fixture(scope="module")
def npz(poses: PoseSequence, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("poses") / "p.npz"
    save_poses(path, poses)
    return path


def read(path: Path, **asked: Any) -> PoseSequence:
    settings = Settings(**asked)
    return find_poses(open_driving(path, settings), settings, ignore)


def test_a_film_is_to_be_tracked(three_frames: Path) -> None:
    driving = open_driving(three_frames, Settings(frames=2))
    assert (driving.kind, len(driving), driving.fps) == ("Driving video", 2, 24)
    assert driving.poses is driving.skeletons is None
    assert len(list(driving.pictures or [])) == 2


def test_keypoints_are_taken_as_they_are(npz: Path, poses: PoseSequence) -> None:
    driving = open_driving(npz, Settings())
    assert (driving.kind, driving.size, driving.pictures) == ("Keypoints", (200, 200), None)
    assert np.array_equal(read(npz).keypoints[:, 0], poses.keypoints[:, 0])


def test_keypoints_keep_to_the_asked_frames(npz: Path, poses: PoseSequence) -> None:
    thinned = read(npz, stride=3, frames=2)
    assert np.array_equal(thinned.keypoints[:, 0], poses.keypoints[[0, 3], 0])
    assert thinned.fps == pytest.approx(10 / 3)
    slower = read(npz, fps=5.0)
    assert np.array_equal(slower.keypoints[:, 0], poses.keypoints[::2, 0])
    assert len(read(npz, fps=20.0)) == 20


@pytest.mark.parametrize(("person", "slot"), [(2, 1), ((150.0, 100.0), 1), ("largest", 0)])
def test_the_person_is_chosen_in_keypoints_too(
    person: Any, slot: int, npz: Path, poses: PoseSequence
) -> None:
    chosen = read(npz, person=person)
    assert chosen.people == 1
    assert np.array_equal(chosen.keypoints[:, 0], poses.keypoints[:, slot])


def test_openpose_files_take_the_asked_rate(poses: PoseSequence, tmp_path: Path) -> None:
    folder = tmp_path / "json"
    save_openpose(folder, poses)
    assert open_driving(folder, Settings()).fps == 10.0
    for file in folder.iterdir():  # as most programs write them, without a rate
        frame = json.loads(file.read_text())
        del frame["fps"]
        file.write_text(json.dumps(frame))
    driving = open_driving(folder, Settings(fps=12.0))
    assert (driving.kind, driving.fps, len(driving)) == ("Keypoints", 12.0, FRAMES)


def test_drawn_skeletons_are_told_from_films(poses: PoseSequence, tmp_path: Path) -> None:
    for index in range(3):
        drawn = draw(*poses.frame(index), (200, 200))
        Image.fromarray(drawn).save(tmp_path / f"s{index}.png")
    driving = open_driving(tmp_path, Settings(fps=8.0))
    assert (driving.kind, len(driving), driving.fps) == ("Skeletons", 3, 8.0)
    assert driving.film is driving.poses is None


def test_a_folder_of_photographs_is_a_film(dance_frames: list[Any], tmp_path: Path) -> None:
    for index, frame in enumerate(dance_frames[:2]):
        Image.fromarray(frame).save(tmp_path / f"frame{index}.jpg")
    driving = open_driving(tmp_path, Settings())
    assert (driving.kind, len(driving)) == ("Driving video", 2)


def test_tracking_is_remembered(three_frames: Path) -> None:
    first, again = read(three_frames), read(three_frames)
    anew = read(three_frames, cache=False)
    assert np.array_equal(first.keypoints, again.keypoints, equal_nan=True)
    assert np.array_equal(first.keypoints, anew.keypoints, equal_nan=True)
    assert first.source == "three.mp4"
