"""Files and folders that appear when they are whole, or not at all; limits on what is read."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pose.errors import PoseFileError
from pose.skeleton import COUNT

# The most that poses may take in memory as read from a file: 90 minutes of one person at 30
# frames a second. What declares more is a mistake or an attack.
MOST_BYTES = 512 << 20
BYTES_A_POSE = COUNT * (2 * 8 + 8 + 1)  # keypoints, scores, marks
MOST_PIXELS = 1e6  # no joint is further from the corner of its picture
LONGEST_SIDE = 65535  # pixels; JPEG's limit, and no video codec's is higher


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name in the same folder to build a file or folder under; it gets its own name at the end.

    A folder may replace an empty one. After an exception nothing is left. Raises PoseFileError.
    """
    partial = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.partial")
    try:
        yield partial
        if partial.is_dir() and path.is_dir():
            path.rmdir()  # os.replace puts a folder on an empty one, but not on Windows
        os.replace(partial, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PoseFileError(f"{path} cannot be written: {reason}; choose another place") from error
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def check_room(where: Path, frames: int, people: int) -> None:
    """Raise PoseFileError if so many poses are more than any video holds."""
    if frames * max(people, 1) * BYTES_A_POSE > MOST_BYTES:
        raise PoseFileError(
            f"{where}: {frames} frames with room for {max(people, 1)} are too many poses; the "
            f"limit is {MOST_BYTES // BYTES_A_POSE}, cut the video into parts"
        )
