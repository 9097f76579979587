"""Keep native libraries from writing their housekeeping to the terminal.

MediaPipe, TensorFlow Lite, absl and FFmpeg write to file descriptor 2 directly, out of reach of
Python's logging. While silenced, the descriptor leads to a temporary file; afterwards every
line that is not known noise is passed on, so real errors still arrive.
"""

from __future__ import annotations

import atexit
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

# One alternative a source: absl information and warnings, TensorFlow Lite, FFmpeg's decoders,
# decord's log (its errors are raised as exceptions as well).
NOISE = re.compile(
    rb"^([IW]\d{4} \d\d:\d\d|WARNING: (All log messages before absl::|Logging before InitGoogle)|"
    rb"INFO: Created TensorFlow Lite|"
    rb"\[[\w,.]+ @ 0x[0-9a-f]+\]|\[\d\d:\d\d:\d\d\] \S*/src/video/)"
)

_lock = threading.Lock()
_users = 0
_saved = -1
_buffer: BinaryIO | None = None


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back known noise on file descriptor 2; may be nested and used from several threads."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _users, _saved, _buffer
    with _lock:
        _users += 1
        if _users > 1:
            return
        try:
            _buffer = _buffer or _open_buffer()
            _saved = os.dup(2)
            os.dup2(_buffer.fileno(), 2)
        except OSError:  # no descriptor 2, or no temporary folder: then there is noise
            _saved = -1


def _open_buffer() -> BinaryIO:
    """The file that all calls share until the program ends."""
    buffer: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
    atexit.register(buffer.close)
    return buffer


def _leave() -> None:
    global _users, _saved
    with _lock:
        _users -= 1
        if _users or _saved < 0 or _buffer is None:
            return
        os.dup2(_saved, 2)
        os.close(_saved)
        _saved = -1
        if os.fstat(_buffer.fileno()).st_size:
            _buffer.seek(0)
            lines = _buffer.read().splitlines(keepends=True)
            _buffer.seek(0)
            _buffer.truncate()
            os.write(2, b"".join(line for line in lines if not NOISE.match(line)))
