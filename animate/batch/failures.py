"""Whether what went wrong can pass by itself, or would come again."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Any

from animate.errors import AnimateError, OutputError, one_line

# Errors of the system that another moment or another machine may not have.
PASSING = {
    errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.ENOMEM,
    errno.EMFILE, errno.ENFILE, errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED,
    errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EPIPE, errno.ESTALE, errno.ENOTCONN,
}  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """What is told of an error, and whether it is worth another attempt."""

    text: str
    passing: bool

    def facts(self) -> dict[str, Any]:
        """For a message."""
        return {"text": self.text, "passing": self.passing}


def failure_of(error: BaseException) -> Failure:
    """Bad inputs and settings stay bad; memory, disks, networks and the unforeseen may recover."""
    from pose.errors import PoseError
    from temporal.errors import DeviceError, TemporalError

    told = one_line(error)
    if isinstance(error, OSError):
        return Failure(told, error.errno in PASSING or isinstance(error, TimeoutError))
    if isinstance(error, (OutputError, DeviceError)):
        return Failure(told, True)  # disk full, another run still at it
    if isinstance(error, (AnimateError, PoseError, TemporalError)):
        return Failure(told, _cause_passes(error))
    return Failure(f"{type(error).__name__}: {told}", True)


def _cause_passes(error: BaseException) -> bool:
    """Whether an error of ours wraps one of the system that passes."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in PASSING
