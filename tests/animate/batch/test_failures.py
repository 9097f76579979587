"""What may pass is worth another attempt, bad inputs are not."""

from __future__ import annotations

import errno

import pytest

from animate.batch.failures import failure_of
from animate.errors import AnimateError, ModelError, OutputError, UsageError
from pose.errors import NoPersonError, VideoError
from temporal.errors import DivergenceError


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (UsageError("x"), False),
        (ModelError("x"), False),
        (AnimateError("x"), False),
        (VideoError("x"), False),
        (NoPersonError("x"), False),
        (DivergenceError("x"), False),
        (FileNotFoundError(errno.ENOENT, "x"), False),
        (PermissionError(errno.EACCES, "x"), False),
        (OSError(errno.ENOSPC, "x"), True),
        (TimeoutError("x"), True),
        (OutputError("disk full"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error"), True),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, passing: bool) -> None:
    assert failure_of(error).passing is passing


def test_a_bad_read_from_a_shaky_disk_may_pass() -> None:
    error = VideoError("cannot be read")
    error.__cause__ = OSError(errno.EIO, "x")
    assert failure_of(error).passing


def test_the_text_is_one_line() -> None:
    assert failure_of(RuntimeError("two\nlines")).text == "RuntimeError: two lines"
    assert failure_of(MemoryError()).text == "MemoryError: MemoryError"
