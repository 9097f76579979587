"""Frames -> what the estimator sees in each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose.backends import Backend, Estimate, backend_for, version_of
from pose.crowd import Focus
from pose.errors import BackendError
from pose.skeleton import Floats, Frame
from pose.video import Clip

Progress = Callable[[int, int], None]  # (frames done, frames in all; 0 if unknown)
Source = str | os.PathLike[str] | Clip | Iterable[Frame]

DEFAULT_FPS = 25.0  # for frames that come without times


@dataclass(frozen=True, kw_only=True, eq=False)
class Observations:
    """One estimate a frame, as the estimator gave it."""

    estimates: list[Estimate]
    size: tuple[int, int]  # width, height in pixels
    times: Floats  # (F,) seconds
    fps: float
    backend: str
    backend_version: str


def observe(
    clip: Clip | Iterable[Frame],
    *,
    backend: str | Backend = "auto",
    focus: Focus | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Observations:
    """Show every frame to the estimator, or what `focus` leaves of it.

    workers: processes that share a long video; None chooses. Raises BackendError, VideoError and
    ValueError for frames of different sizes.
    """
    total = len(clip) if isinstance(clip, Sized) else 0
    estimates: list[Estimate] = []
    size = (0, 0)
    with backend_for(backend) as estimator:
        for number, frame in enumerate(clip):
            size = _same_size(size, frame)
            estimates.append(_estimate(estimator, frame, number, focus))
            if progress:
                progress(len(estimates), total)
        name, version = estimator.name, version_of(estimator)
    if isinstance(clip, Clip):
        times, fps = clip.times[: len(estimates)], clip.fps
    else:
        times, fps = np.arange(len(estimates)) / DEFAULT_FPS, DEFAULT_FPS
    return Observations(
        estimates=estimates,
        size=size,
        times=times,
        fps=fps,
        backend=name,
        backend_version=version,
    )


def _estimate(estimator: Backend, frame: Frame, number: int, focus: Focus | None) -> Estimate:
    try:
        if focus is None:
            return estimator.estimate(frame)
        shown, scale, shift = focus.view(number, frame)
        points, scores = estimator.estimate(shown)
        return points * scale + shift, scores
    except BackendError as error:
        raise BackendError(f"frame {number}: {error}") from error


def _same_size(size: tuple[int, int], frame: Frame) -> tuple[int, int]:
    here = (frame.shape[1], frame.shape[0])
    if size not in ((0, 0), here):
        raise ValueError(f"expected frames of one size, got {size} and then {here}")
    return here


def name_of(source: Source) -> str:
    """What to call the frames in a message: the file's path where there is one."""
    return str(Path(source.info.path)) if isinstance(source, Clip) else "the frames"
