"""Poses as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animate.errors import OutputError, UsageError
from animate.poses import save_poses, save_skeletons
from pose.skeleton import COUNT, PoseSequence
from pose.video import open_video


@pytest.fixture
def poses() -> PoseSequence:
    keypoints = np.random.default_rng(0).uniform(4, 60, (3, 1, COUNT, 2))
    keypoints[1, 0, 5] = np.nan
    return PoseSequence(
        keypoints=keypoints,
        scores=np.ones((3, 1, COUNT)),
        size=(64, 64),
        fps=12.0,
        backend="test",
    )


def test_everything_the_poses_know_is_stored(poses: PoseSequence, tmp_path: Path) -> None:
    save_poses(tmp_path / "p.npz", poses)
    with np.load(tmp_path / "p.npz") as stored:
        assert np.array_equal(stored["keypoints"], poses.keypoints, equal_nan=True)
        assert np.array_equal(stored["scores"], poses.scores)
        assert stored["times"].tolist() == pytest.approx([0, 1 / 12, 2 / 12])
        assert stored["size"].tolist() == [64, 64]
        assert (float(stored["fps"]), str(stored["backend"])) == (12.0, "test")


def test_only_npz_is_written(poses: PoseSequence, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.npz"):
        save_poses(tmp_path / "p.json", poses)


def test_skeletons_become_a_video(poses: PoseSequence, tmp_path: Path) -> None:
    save_skeletons(tmp_path / "s.mp4", poses)
    clip = open_video(tmp_path / "s.mp4")
    assert (clip.size, len(clip), clip.fps) == ((64, 64), 3, pytest.approx(12.0))
    assert max(frame.max() for frame in clip) > 150


def test_existing_files_can_be_protected(poses: PoseSequence, tmp_path: Path) -> None:
    save_poses(tmp_path / "p.npz", poses)
    with pytest.raises(OutputError, match="exists already"):
        save_poses(tmp_path / "p.npz", poses, overwrite=False)


def test_the_command_offers_every_look() -> None:
    from animate.config import LOOKS
    from pose.draw import LOOKS as drawn

    assert sorted(LOOKS) == sorted(drawn)
