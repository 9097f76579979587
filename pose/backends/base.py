"""How a pose estimator is chosen and opened."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from pose.backends.protocol import DEVICES, Backend
from pose.errors import BackendError

Opener = Callable[[bool], Backend]


@dataclass(frozen=True)
class _Asked:
    """An estimator's name taken apart: dwpose:FOLDER@cuda."""

    name: str
    place: str | None = None  # where its models are
    device: str | None = None

    def __str__(self) -> str:
        place = "" if self.place is None else f":{self.place}"
        return self.name + place + ("" if self.device is None else f"@{self.device}")


def version_of(backend: str | Backend) -> str:
    """The version of an estimator and its models; empty if it does not say.

    Of a name, it is the version that opening it would give; the package's own estimators are not
    opened for it. Raises BackendError.
    """
    if not isinstance(backend, str):
        return str(getattr(backend, "version", ""))
    asked = _resolve(backend)
    if asked.name == "dwpose":
        from pose.backends.graphs import find_pair

        return find_pair(asked.place).version
    if asked.name == "mediapipe" and _by_task(asked):
        from pose.backends.tasks import task_version

        return task_version(asked.place)
    if asked.name == "mediapipe":
        return _mediapipe_version()
    with backend_for(backend) as opened:
        return version_of(opened)


def sees_one(backend: Backend) -> bool:
    """Whether the estimator reports at most one person a frame, however many there are."""
    return bool(getattr(backend, "single", False))


def _open_dwpose(asked: _Asked, static: bool) -> Backend:
    from pose.backends.dwpose import DWPoseBackend

    return DWPoseBackend(asked.place, device=asked.device or "auto")


def _open_mediapipe(asked: _Asked, static: bool) -> Backend:
    if asked.device == "cuda":
        raise BackendError("mediapipe runs on the CPU only; dwpose can use CUDA (dwpose@cuda)")
    if not _by_task(asked):
        from pose.backends.mediapipe import open_mediapipe

        return open_mediapipe(static)
    from pose.backends.tasks import open_tasks

    return open_tasks(static, asked.place)


def _by_task(asked: _Asked) -> bool:
    """Whether MediaPipe works with a model file: since version 1, or if one is given."""
    return asked.place is not None or _mediapipe_version().partition(".")[0] not in ("", "0")


def _mediapipe_version() -> str:
    try:
        return importlib.metadata.version("mediapipe")
    except importlib.metadata.PackageNotFoundError:
        return ""


_OPENERS: dict[str, Callable[[_Asked, bool], Backend]] = {
    "dwpose": _open_dwpose,
    "mediapipe": _open_mediapipe,
}
_REGISTERED: dict[str, Opener] = {}


def backend_names() -> tuple[str, ...]:
    """Every name that open_backend understands besides "auto"."""
    return tuple(sorted({*_OPENERS, *_REGISTERED}))


def register_backend(name: str, opener: Opener) -> None:
    """Add an estimator; opener(static) returns a Backend, static = unrelated pictures."""
    _REGISTERED[name] = opener


def resolve_backend(name: str = "auto") -> str:
    """The estimator that a name stands for, with "auto" decided; opens nothing.

    "auto" is dwpose if its packages and files are here, else mediapipe. Raises BackendError for
    an unknown name.
    """
    return str(_resolve(name))


def with_device(name: str, device: str) -> str:
    """The name with the device that is asked for in general, where the estimator has a choice.

    "auto" changes nothing, nor does a device for a name that has one, or for MediaPipe, which
    runs on the CPU. Raises BackendError for an unknown name.
    """
    asked = _resolve(name)
    if device == "auto" or asked.device is not None or asked.name != "dwpose":
        return name
    return str(replace(asked, device=device))


def open_backend(name: str = "auto", *, static: bool = False) -> Backend:
    """Open an estimator by name.

    name: "auto", one of backend_names(), and if it is not the default, with the place of its
    models or the device: dwpose:FOLDER, dwpose@cuda, dwpose:FOLDER@cpu, mediapipe:FILE.task.
    static: the frames are unrelated pictures rather than a video. Raises BackendError if the name
    is unknown, or if the estimator is not installed or lacks its models or its device.
    """
    asked = _resolve(name)
    if asked.name in _REGISTERED:
        return _REGISTERED[asked.name](static)
    return _OPENERS[asked.name](asked, static)


def _resolve(text: str) -> _Asked:
    if text in _REGISTERED:
        return _Asked(text)
    rest, at, device = text.rpartition("@")
    if not at or device not in DEVICES:  # a folder's name may hold an @ too
        rest, device = text, ""
    name, colon, place = rest.partition(":")
    if name == "auto" and not colon:
        name = _choose()
    if name not in _OPENERS or (colon and not place):
        known = ", ".join(("auto", *backend_names(), "dwpose:FOLDER", "dwpose@cuda"))
        raise BackendError(f"unknown pose backend {text!r}; expected one of: {known}")
    return _Asked(name, place or None, device or None)


def _choose() -> str:
    from pose.backends.dwpose import is_ready

    return "dwpose" if is_ready() else "mediapipe"


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
