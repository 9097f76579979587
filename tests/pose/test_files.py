from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pose.errors import PoseFileError
from pose.files import is_pose_source, read_poses, save_openpose, save_poses
from pose.skeleton import COUNT, PoseSequence


@pytest.fixture
def poses() -> PoseSequence:
    keypoints = np.random.default_rng(0).uniform(100, 400, (2, 1, COUNT, 2))
    scores = np.full((2, 1, COUNT), 0.9)
    return PoseSequence(keypoints=keypoints, scores=scores, size=(640, 480), fps=30.0)


@pytest.fixture
def sources(poses: PoseSequence, tmp_path: Path) -> dict[str, Path]:
    """The same poses as a keypoint file, as a folder of JSON and as one JSON file."""
    save_poses(tmp_path / "poses.npz", poses)
    save_openpose(tmp_path / "folder", poses)
    frames = [json.loads(path.read_text()) for path in sorted((tmp_path / "folder").iterdir())]
    (tmp_path / "poses.json").write_text("\ufeff \n" + json.dumps(frames), encoding="utf-8")
    return {name: tmp_path / name for name in ("poses.npz", "folder", "poses.json")}


@pytest.mark.parametrize("name", ["poses.npz", "folder", "poses.json"])
def test_every_kind_is_known_and_read(
    name: str, sources: dict[str, Path], poses: PoseSequence
) -> None:
    assert is_pose_source(sources[name])
    back = read_poses(sources[name])
    assert np.array_equal(back.keypoints, poses.keypoints)
    assert (back.size, back.fps) == ((640, 480), 30.0)


@pytest.mark.parametrize("name", ["poses.npz", "poses.json"])
def test_content_counts_more_than_the_name(
    name: str, sources: dict[str, Path], tmp_path: Path
) -> None:
    other = sources[name].rename(tmp_path / "dance.mp4")
    assert is_pose_source(other)
    assert len(read_poses(other)) == 2


def test_a_broken_file_is_known_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "poses.npz").write_bytes(b"abc")
    (tmp_path / "poses.json").write_bytes(b"")
    for name, message in {"poses.npz": "no keypoint file", "poses.json": "is empty"}.items():
        assert is_pose_source(tmp_path / name)
        with pytest.raises(PoseFileError, match=message):
            read_poses(tmp_path / name)


def test_other_sources_are_left_to_others(tmp_path: Path, plain: Path) -> None:
    (tmp_path / "a.png").touch()
    for path in (plain, tmp_path, tmp_path / "nothing.npz"):
        assert not is_pose_source(path)
        with pytest.raises(PoseFileError):
            read_poses(path)


def test_the_rate_is_for_files_that_state_none(poses: PoseSequence, tmp_path: Path) -> None:
    save_poses(tmp_path / "poses.npz", poses)
    person = {"pose_keypoints_2d": [9.0, 9.0, 1.0] * 18}
    (tmp_path / "poses.json").write_text(json.dumps({"people": [person]}))
    assert read_poses(tmp_path / "poses.npz", fps=12).fps == 30
    assert read_poses(tmp_path / "poses.json", fps=12).fps == 12
