from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pose import open_video
from pose.folders import open_pictures
from pose.glimpse import glimpse, pick
from pose.video import Clip, VideoInfo


def clip_of(frames: int, fps: float = 25.0) -> Clip:
    facts = {"width": 64, "height": 48, "fps": fps, "frames": frames, "duration": frames / fps}
    times = np.arange(frames) / fps
    return Clip(VideoInfo(path=Path("a.mp4"), **facts), np.arange(frames), times, fps)  # type: ignore[arg-type]


def test_key_frames_from_all_over_the_film_are_picked() -> None:
    picked = pick(clip_of(1000), np.arange(0, 1000, 50), 8)
    assert len(picked) == 8
    assert all(number % 50 == 0 for number in picked)
    assert np.diff(picked).max() <= 200


def test_with_one_key_frame_the_start_is_picked() -> None:
    assert pick(clip_of(100), np.zeros(1, int), 8) == [0, 8, 16, 24]
    assert max(pick(clip_of(2000), np.zeros(1, int), 8)) <= 200


@given(frames=st.integers(1, 500), keys=st.sets(st.integers(0, 499)), most=st.integers(2, 10))
def test_picked_frames_exist_are_few_and_come_in_order(
    frames: int, keys: set[int], most: int
) -> None:
    picked = pick(clip_of(frames), np.array(sorted(keys), dtype=int), most)
    assert picked == sorted(set(picked))
    assert picked[0] == 0
    assert picked[-1] < frames
    assert len(picked) <= most + 1


def test_the_frames_are_those_of_the_film(plain: Path) -> None:
    clip = open_video(plain)
    frames = list(clip)
    seen = list(glimpse(clip, 5))
    places = [next(i for i, f in enumerate(frames) if np.array_equal(f, one)) for one in seen]
    assert places == sorted(set(places))
    assert places[0] == 0
    assert places[-1] > 20


def test_a_folder_of_pictures_is_seen_evenly(ffmpeg: Any, plain: Path) -> None:
    first = ffmpeg("picture_01.png", "-i", str(plain), "-frames:v", "1")
    for number in (2, 3, 4, 5):
        (first.parent / f"picture_{number:02}.png").write_bytes(first.read_bytes())
    assert len(list(glimpse(open_pictures(first.parent), 3))) == 3


def test_a_cut_film_ends_early(plain: Path, tmp_path: Path) -> None:
    gone = open_video(plain)
    gone.info.__dict__["path"] = tmp_path / "gone.mp4"
    assert list(glimpse(gone, 5)) == []
