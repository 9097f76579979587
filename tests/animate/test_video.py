"""The streaming writer, with the real encoder."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from animate.errors import OutputError
from animate.video import VideoWriter
from pose.video import open_video, probe


def picture(width: int, height: int, shade: int) -> NDArray[np.uint8]:
    """A horizontal ramp that differs from frame to frame."""
    ramp = np.linspace(shade, 255 - shade, width)[None, :, None]
    return np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8)


def test_frames_come_back(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    frames = [picture(64, 48, shade) for shade in (0, 40, 80)]
    with VideoWriter(path, (64, 48), 12.5) as writer:
        for frame in frames:
            writer.write(frame)
    clip = open_video(path)
    assert (clip.size, len(clip), clip.fps) == ((64, 48), 3, pytest.approx(12.5))
    for frame, read in zip(frames, clip, strict=True):
        assert np.abs(frame.astype(int) - read).mean() < 4


@pytest.mark.parametrize(("size", "stored"), [((63, 47), (64, 48)), ((64, 47), (64, 48))])
def test_odd_sizes_gain_a_row_or_column(
    tmp_path: Path, size: tuple[int, int], stored: tuple[int, int]
) -> None:
    with VideoWriter(tmp_path / "out.mp4", size, 24.0) as writer:
        writer.write(picture(*size, 0))
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.height) == stored


def write_and_fail(writer: VideoWriter, error: BaseException) -> None:
    """One frame, then trouble."""
    with writer:
        writer.write(picture(64, 48, 0))
        raise error


def write_to_a_dead_encoder(path: Path) -> None:
    with VideoWriter(path, (64, 48), 24.0) as writer:
        assert writer._process is not None
        os.kill(writer._process.pid, signal.SIGKILL)
        for _ in range(100):
            writer.write(picture(64, 48, 0))


def test_exception_leaves_no_file_and_no_process(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", (64, 48), 24.0)
    with pytest.raises(KeyboardInterrupt):
        write_and_fail(writer, KeyboardInterrupt())
    assert not list(tmp_path.iterdir())
    assert writer._process is not None
    assert writer._process.poll() is not None


def test_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        write_and_fail(VideoWriter(path, (64, 48), 24.0), RuntimeError())
    assert path.read_bytes() == b"old"


def test_a_killed_encoder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="ffmpeg stopped: it was ended by SIGKILL"):
        write_to_a_dead_encoder(tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())


def test_a_finished_file_waits_for_its_name(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, (64, 48), 24.0) as writer:
        writer.write(picture(64, 48, 0))
        writer.finish()
        (partial,) = tmp_path.iterdir()
        assert partial != path
        assert len(open_video(partial)) == 1
    assert len(open_video(path)) == 1
    assert [path] == list(tmp_path.iterdir())


def test_no_frames_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="no frame"),
        VideoWriter(tmp_path / "out.mp4", (64, 48), 24.0),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_wrong_shape_names_both(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"\(48, 64, 3\).*\(48, 32, 3\)"),
        VideoWriter(tmp_path / "out.mp4", (64, 48), 24.0) as writer,
    ):
        writer.write(picture(32, 48, 0))
