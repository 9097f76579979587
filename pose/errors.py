"""Everything that can go wrong in this package.

    PoseError
    ├── VideoError      a video or picture cannot be read
    ├── PoseFileError   a keypoint file cannot be read or written
    ├── NoPersonError   no frame shows a person
    ├── AlignError      the reference body cannot be used for the fit
    ├── BackendError    a pose estimator is unknown, not installed or broken
    └── ModelFetchError a model file is unknown or cannot be fetched

Each message says what happened, where, and what to do about it.
"""

from __future__ import annotations


class PoseError(Exception):
    """Root of the errors that users of this package may want to catch."""


class VideoError(PoseError):
    """A video or picture cannot be read."""


class PoseFileError(PoseError):
    """A keypoint file cannot be read or written."""


class NoPersonError(PoseError):
    """No frame shows a person."""


class AlignError(PoseError):
    """The reference body cannot be used for the fit."""


class BackendError(PoseError):
    """A pose estimator is unknown, not installed or broken."""


class ModelFetchError(PoseError):
    """A model file is unknown or cannot be fetched."""
