"""Frames of a film in their order, through a pipe from ffmpeg, which waits while nobody reads.

decord tells what is in a film, but is not asked for its frames: it reads packets for as long as the
first frame is not ready, which is most of a film, and then keeps all that it decodes. Measured: one
frame asked for, 2.9 GB taken for a minute of 576x1024.
"""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from pose.errors import VideoError
from pose.skeleton import Frame

# Every frame that is in the file, once, and each with its size before it (Netpbm's P6).
OUTPUT = ("-fps_mode", "passthrough", "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "-")
# Larger than any camera's film (8K is 7680x4320); a file can claim more in a few bytes.
MOST_PIXELS = 36_000_000
LIMITS = ("-max_pixels", str(MOST_PIXELS))
# One thread: several would each want a key frame of their own before the first one is given.
KEYS = ("-skip_frame", "nokey", "-threads", "1")


def program() -> str:
    """Path of the ffmpeg program that imageio-ffmpeg brings along."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def read_frames(path: Path, start: int = 0) -> Generator[Frame, None, None]:
    """Frames (H, W, 3) uint8 RGB of a film, upright, from number `start` on, each a new array.

    What cannot be decoded is left out. Raises VideoError if ffmpeg does not run.
    """
    yield from _decoded(path, (), ("-vf", f"select=gte(n\\,{start})") if start else ())


def read_key_frame(path: Path, time: float) -> Frame | None:
    """The first key frame (H, W, 3) at this time or later, without decoding what lies between.

    time: in seconds from where the file begins, be it with sound before the first frame. None if
    there is none. Raises VideoError if ffmpeg does not run.
    """
    with closing(_decoded(path, (*KEYS, "-ss", f"{time:.6f}"), ("-frames:v", "1"))) as frames:
        return next(frames, None)


def _decoded(
    path: Path, reading: Sequence[str], writing: Sequence[str]
) -> Generator[Frame, None, None]:
    """The frames that ffmpeg gives; options for the file that it reads, and for what it gives."""
    process = _start(path, reading, writing)
    assert process.stdout is not None
    try:
        while process.stdout.readline():  # P6
            width, height = map(int, process.stdout.readline().split())
            process.stdout.readline()  # the greatest value
            frame = np.empty((height, width, 3), np.uint8)
            if process.stdout.readinto(frame) < frame.nbytes:  # type: ignore[attr-defined]
                break
            yield frame
        if process.wait() < 0:
            raise VideoError(
                f"{path}: ffmpeg was stopped by signal {-process.returncode} while decoding it; "
                "is there enough memory?"
            )
    finally:
        process.stdout.close()
        process.kill()
        process.wait()


def _start(path: Path, reading: Sequence[str], writing: Sequence[str]) -> subprocess.Popen[bytes]:
    # "file:" so that no name is taken for an option or a protocol.
    command = [program(), "-v", "quiet", *LIMITS, *reading, "-i", f"file:{path}", *writing, *OUTPUT]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt is for this process to deal with
        )
    except OSError as error:
        raise VideoError(f"ffmpeg cannot be started to read {path}: {error}") from error
