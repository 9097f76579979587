from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from pose import ffmpeg as decoding
from pose.errors import VideoError
from pose.ffmpeg import read_frames
from pose.video import open_video

Make = Callable[..., Path]


def memory() -> int:
    """Bytes that this process holds in main memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def children() -> set[int]:
    """The processes that this one has started."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return {int(number) for number in listed.split()}


def test_frames_from_a_number_on(plain: Path) -> None:
    whole = list(read_frames(plain))
    assert len(whole) == 30
    for start in (1, 17, 29):
        assert np.array_equal(list(read_frames(plain, start)), whole[start:])
    assert list(read_frames(plain, 30)) == []


@pytest.mark.parametrize("name", ["-v.mp4", "http:film.mp4", "a 'b' %03d.mp4", "ü.mp4"])
def test_any_file_name(name: str, plain: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(plain, tmp_path / name))
    assert np.array_equal(next(read_frames(copy)), next(read_frames(plain)))
    assert len(list(open_video(copy))) == 30


def test_all_codecs_of_downloaded_films(film: Make) -> None:
    codecs = {"h265.mp4": "libx265", "vp9.webm": "libvpx-vp9", "av1.mp4": "libsvtav1"}
    for name, codec in codecs.items():
        path = film(name, "-c:v", codec, "-pix_fmt", "yuv420p", size="128x96")
        assert len(list(read_frames(path))) == len(open_video(path)) == 10


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_film_that_waits_takes_no_memory(film: Make) -> None:
    path = film("long.mp4", "-pix_fmt", "yuv420p", size="640x480", seconds=40)
    with closing(read_frames(path)) as frames:
        held = next(frames).nbytes
        before = memory()
        time.sleep(0.5)  # enough to decode all of it: 370 MB
        assert memory() - before < 20 * held
        assert len(list(islice(frames, 10))) == 10


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_reader_that_is_left_ends_its_process(plain: Path) -> None:
    before = children()
    frames = open_video(plain).part(0, 30)
    next(frames)
    assert len(children() - before) == 1
    del frames
    gc.collect()
    assert children() == before


def test_a_program_that_cannot_start_is_an_error(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "program", lambda: str(tmp_path / "nothing"))
    with pytest.raises(VideoError, match=r"ffmpeg cannot be started to read .*plain\.mp4"):
        list(read_frames(plain))


def test_a_film_of_huge_pictures_is_not_decoded(ffmpeg: Make) -> None:
    source = ("-f", "lavfi", "-i", "color=black:s=9000x4100:d=0.1:r=10")
    huge = ffmpeg("huge.avi", *source, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
    assert list(read_frames(huge)) == []
    with pytest.raises(VideoError, match="more than 36 million pixels"):
        open_video(huge)
