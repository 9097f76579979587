"""Everything that can go wrong in this package.

    AnimateError        the job failed: exit code 1
    ├── UsageError      a setting or argument makes no sense: exit code 2
    ├── ModelError      weights are missing, incomplete or of a refused kind
    └── OutputError     the result cannot be written where it was asked for

Each message says what happened, where, and what to do about it.
"""

from __future__ import annotations


class AnimateError(Exception):
    """Root of the errors that users of this package may want to catch."""

    exit_code = 1


def one_line(error: BaseException) -> str:
    """What an error says, without line breaks; its type's name if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


class UsageError(AnimateError):
    """A setting or argument makes no sense."""

    exit_code = 2


class ModelError(AnimateError):
    """Weights are missing, incomplete or of a refused kind."""


class OutputError(AnimateError):
    """The result cannot be written where it was asked for."""
