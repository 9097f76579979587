from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose import open_video
from pose.errors import VideoError
from pose.folders import open_pictures
from pose.glimpse import glimpse, key_frames, pick
from pose.video import Clip, VideoInfo
from tests.pose.test_ffmpeg import memory


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


FILMS = {
    "one key frame": ("one.mp4", "-g", "999"),
    "few key frames": ("few.mkv", "-g", "12"),
    "frames that look ahead": ("ahead.mp4", "-g", "8", "-bf", "3"),
    "a clock that begins late": ("late.mp4", "-g", "6", "-output_ts_offset", "3.3"),
    "an index of its own": ("index.avi", "-c:v", "mpeg4", "-g", "7"),
}


@pytest.mark.parametrize("kind", FILMS)
def test_the_frames_that_were_picked_are_shown(kind: str, film: Callable[..., Path]) -> None:
    name, *how = FILMS[kind]
    clip = open_video(film(name, "-pix_fmt", "yuv420p", *how, seconds=4))
    frames = list(clip)
    wanted = pick(clip, key_frames(clip)[0], 5)
    assert np.array_equal(list(glimpse(clip, 5)), [frames[number] for number in wanted])
    assert max(wanted) > (5 if kind == "one key frame" else 30)


def test_frames_that_players_do_not_show_are_not_counted(
    ffmpeg: Callable[..., Path], plain: Path
) -> None:
    cut = open_video(ffmpeg("cut.mp4", "-ss", "0.7", "-i", str(plain), "-c", "copy"))
    frames = list(cut)
    keys = key_frames(cut)[0].tolist()
    assert keys == [3, 8, 13, 18]
    assert np.array_equal(list(glimpse(cut, 9))[-1], frames[18])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("keys", [10, 999])
def test_one_frame_is_held_at_a_time(keys: int, film: Callable[..., Path]) -> None:
    how = ("-pix_fmt", "yuv420p", "-g", str(keys))
    clip = open_video(film(f"long{keys}.mp4", *how, size="640x480", seconds=30))
    frames = glimpse(clip, 8)
    held, before = next(frames).nbytes, memory()
    grown = [memory() - before for _ in frames]
    assert len(grown) >= 7
    assert max(grown) < 4 * held


def test_of_a_damaged_film_the_rest_is_seen(plain: Path, tmp_path: Path) -> None:
    content = bytearray(plain.read_bytes())
    content[len(content) // 2 : len(content) * 3 // 4] = bytes(len(content) // 4)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)
    assert 1 <= len(list(glimpse(open_video(damaged), 6))) <= 7


def test_a_film_that_is_gone_is_an_error(plain: Path, tmp_path: Path) -> None:
    gone = open_video(plain)
    gone.info.__dict__["path"] = tmp_path / "gone.mp4"
    with pytest.raises(VideoError, match=r"gone\.mp4"):
        list(glimpse(gone, 5))
