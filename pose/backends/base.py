"""What a pose estimator must offer, and how one is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from pose.errors import BackendError
from pose.skeleton import Floats

Estimate = tuple[Floats, Floats]  # keypoints (P, 133, 2) in pixels, scores (P, 133) in [0, 1]


class Backend(Protocol):
    """An estimator that is shown the frames of one sequence in order, then closed.

    Two facts may be stated besides, see `version_of` and `sees_one`: `version`, and `single` for
    an estimator that reports at most one person a frame.
    """

    name: str

    def estimate(self, frame: NDArray[np.uint8]) -> Estimate:
        """Keypoints (P, 133, 2) in pixels and scores (P, 133) in [0, 1] of the persons seen.

        frame (H, W, 3) RGB. P may be 0 and may differ from frame to frame; what was not found
        has score 0. Raises BackendError.
        """
        ...

    def close(self) -> None:
        """Release models and threads; may be called more than once."""
        ...


Opener = Callable[[bool], Backend]


def version_of(backend: Backend) -> str:
    """The version of the estimator and its models; empty if it does not say."""
    return str(getattr(backend, "version", ""))


def sees_one(backend: Backend) -> bool:
    """Whether the estimator reports at most one person a frame, however many there are."""
    return bool(getattr(backend, "single", False))


# Module and function that open each backend; imported when it is asked for.
_OPENERS: dict[str, tuple[str, str]] = {
    "mediapipe": ("pose.backends.mediapipe", "open_mediapipe"),
}
_REGISTERED: dict[str, Opener] = {}
AUTO = ("mediapipe",)  # best first; "auto" takes the first that can be opened


def backend_names() -> tuple[str, ...]:
    """Every name that open_backend understands besides "auto"."""
    return tuple(sorted({*_OPENERS, *_REGISTERED}))


def register_backend(name: str, opener: Opener) -> None:
    """Add an estimator; opener(static) returns a Backend, static = unrelated pictures."""
    _REGISTERED[name] = opener


def open_backend(name: str = "auto", *, static: bool = False) -> Backend:
    """Open an estimator by name.

    static: the frames are unrelated pictures rather than a video. Raises BackendError if the name
    is unknown or the estimator is not installed.
    """
    if name != "auto":
        return _opener(name)(static)
    reasons = []
    for candidate in AUTO:
        try:
            return _opener(candidate)(static)
        except BackendError as error:
            reasons.append(str(error))
    raise BackendError("; ".join(reasons))


def _opener(name: str) -> Opener:
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name not in _OPENERS:
        known = ", ".join(("auto", *backend_names()))
        raise BackendError(f"unknown pose backend {name!r}; expected one of: {known}")
    module, function = _OPENERS[name]
    return cast(Opener, getattr(import_module(module), function))


@contextmanager
def backend_for(backend: str | Backend, *, static: bool = False) -> Iterator[Backend]:
    """Open a backend by name for a `with` block, or lend one that the caller keeps open."""
    if not isinstance(backend, str):
        yield backend
        return
    opened = open_backend(backend, static=static)
    try:
        yield opened
    finally:
        opened.close()
