"""Frames -> what the estimator sees in each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sized
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose.backends import Backend, Estimate, version_of
from pose.focus import Focus
from pose.parallel import Crew, crew_for
from pose.parts import ahead, estimate_frame
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
    backend: str | Backend | Crew = "auto",
    focus: Focus | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Observations:
    """Show every frame to the estimator, or what `focus` leaves of it.

    backend: a name, an open Backend, or a Crew that stays open. workers: processes that share a
    long video; None chooses. progress(done, total) is called with rising numbers. The result is
    the same every time for the same number of workers, and nearly so for another, see
    pose.parts.WARM_UP. Raises BackendError, VideoError and ValueError for frames of different
    sizes.
    """
    tell = _Teller(progress, len(clip) if isinstance(clip, Sized) else 0)
    opened: AbstractContextManager[Crew] = (
        nullcontext(backend) if isinstance(backend, Crew) else crew_for(clip, backend, workers)
    )
    with opened as crew:
        if isinstance(clip, Clip) and crew.helpers:
            estimates, size = crew.observe(clip, focus, tell), clip.size
        else:
            estimates, size = _alone(clip, crew, focus, tell)
        name, version = crew.estimator.name, version_of(crew.estimator)
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


def _alone(
    clip: Clip | Iterable[Frame], crew: Crew, focus: Focus | None, tell: Callable[[int], None]
) -> tuple[list[Estimate], tuple[int, int]]:
    """Estimates of all frames by this process, and the frames' size."""
    estimates: list[Estimate] = []
    size = (0, 0)
    # A film is read ahead in a thread; a caller's own generator stays in the caller's thread.
    frames = ahead(clip) if isinstance(clip, Clip) else clip
    with crew.fresh() as estimator:
        for number, frame in enumerate(frames):
            size = _same_size(size, frame)
            estimates.append(estimate_frame(estimator, frame, number, focus))
            tell(len(estimates))
    return estimates, size


class _Teller:
    """Calls progress(done, total) whenever more frames are done than ever before."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress = progress
        self.total = total
        self.done = 0

    def __call__(self, done: int) -> None:
        if done > self.done and self.progress:
            self.progress(done, self.total)
        self.done = max(self.done, done)


def _same_size(size: tuple[int, int], frame: Frame) -> tuple[int, int]:
    here = (frame.shape[1], frame.shape[0])
    if size not in ((0, 0), here):
        raise ValueError(f"expected frames of one size, got {size} and then {here}")
    return here


def name_of(source: Source) -> str:
    """What to call the frames in a message: the file's path where there is one."""
    return str(Path(source.info.path)) if isinstance(source, Clip) else "the frames"
