from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pose import bounds, open_video
from pose.bounds import MOST_FRAMES, check_bounds
from pose.errors import NoPersonError, VideoError
from pose.ffmpeg import MOST_PIXELS
from pose.npz import save_poses
from pose.skeleton import COUNT, PoseSequence
from pose.video import Clip
from pose.whole import MOST_BYTES


@pytest.fixture(scope="module")
def black(ffmpeg: Callable[..., Path]) -> Path:
    """An hour and a half of black, two frames a second."""
    source = "color=black:s=64x48:r=2:d=5400"
    return ffmpeg("black.mp4", "-f", "lavfi", "-i", source, "-preset", "ultrafast")


def test_a_long_film_of_nothing_is_refused_at_once(black: Path) -> None:
    with pytest.raises(NoPersonError, match=r"black\.mp4: each of the frames .* of one colour"):
        check_bounds(open_video(black))


def test_a_short_film_of_nothing_is_looked_through(black: Path) -> None:
    check_bounds(open_video(black, frames=100))


def test_a_long_film_with_a_picture_is_taken(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LONG", 10)
    check_bounds(open_video(plain))


def test_more_frames_than_fit_into_a_file_are_refused(plain: Path) -> None:
    clip = open_video(plain)
    endless = Clip(clip.info, np.zeros(MOST_FRAMES + 1, int), np.zeros(MOST_FRAMES + 1), 10.0)
    with pytest.raises(VideoError, match=r"150001 frames are too many .*--frames"):
        check_bounds(endless)


def test_the_most_frames_fit_into_a_file_of_keypoints(tmp_path: Path) -> None:
    frames = 1000
    poses = PoseSequence(
        keypoints=np.zeros((frames, 1, COUNT, 2)),
        scores=np.zeros((frames, 1, COUNT)),
        size=(64, 48),
        fps=25.0,
    )
    save_poses(tmp_path / "poses.npz", poses)
    with np.load(tmp_path / "poses.npz") as arrays:
        size = sum(arrays[name].nbytes for name in arrays)
    assert size / frames * MOST_FRAMES < MOST_BYTES


def test_a_picture_of_8k_is_within_the_bounds() -> None:
    assert 7680 * 4320 < MOST_PIXELS < 8192 * 8192
