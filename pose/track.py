"""A video's poses: observed, linked, chosen, refined."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pose.backends import Backend, Estimate, sees_one
from pose.bounds import check_bounds
from pose.crowd import find_focuses
from pose.errors import NoPersonError
from pose.focus import Focus
from pose.identity import Person, choose, link
from pose.observe import Observations, Progress, Source, name_of, observe
from pose.parallel import crew_for
from pose.refine import SMOOTH, refine
from pose.skeleton import COUNT, Floats, Frame, PoseSequence
from pose.video import Clip, open_video


def track(
    source: Source,
    *,
    backend: str | Backend = "auto",
    person: Person = "largest",
    smooth: float = SMOOTH,
    workers: int | None = None,
    progress: Progress | None = None,
) -> PoseSequence:
    """Find the persons in every frame, and follow the one that is meant, or all.

    source: path of a video, a Clip, or any iterable of (H, W, 3) uint8 RGB frames of one size.
    backend: a name, or an open Backend (which then stays open). person: "largest", "all", the
    number of a person (1 = the largest), or a point (x, y) in pixels on it. smooth: 0 to 1.
    workers: processes that share a long video; None chooses. progress(done, total) is called
    after every frame, total is 0 if unknown. What was filled, repaired or left open is in
    `marks`. Raises NoPersonError if no frame shows a person, VideoError, BackendError.
    """
    clip = open_video(source) if isinstance(source, (str, os.PathLike)) else source
    if isinstance(clip, Clip):
        check_bounds(clip)
    with crew_for(clip, backend, workers) as crew:
        search = _Search(progress)
        focuses = find_focuses(clip, person, search) if sees_one(crew.estimator) else []
        looks: list[Focus | None] = [*focuses] or [None]
        total = search.passes + len(looks)
        passes = [
            observe(clip, backend=crew, focus=one, progress=_share(progress, number, total))
            for number, one in enumerate(looks, start=search.passes)
        ]
    seen = passes[0]
    if not any(len(points) for one in passes for points, _ in one.estimates):
        raise NoPersonError(_nobody(clip, seen))
    keypoints, scores = _side_by_side(passes)
    slots = list(range(len(focuses))) or choose(keypoints, scores, person)
    ids = [focus.number for focus in focuses] or [slot + 1 for slot in slots]
    refined = refine(keypoints[:, slots], scores[:, slots], seen.times, smooth=smooth)
    return PoseSequence(
        keypoints=refined[0],
        scores=refined[1],
        marks=refined[2],
        crowd=_crowd(seen.estimates, focuses[0] if focuses else None),
        ids=tuple(ids),
        size=seen.size,
        fps=seen.fps,
        times=seen.times,
        backend=seen.backend,
        backend_version=seen.backend_version,
    )


class _Search:
    """Reports a search through the film for persons as the first of two passes, if there is one."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress, self.passes = progress, 0

    def __call__(self, done: int, total: int) -> None:
        self.passes = 1
        if self._progress:
            self._progress(done, 2 * total)


def _share(progress: Progress | None, number: int, passes: int) -> Progress | None:
    """What pass `number` reports, counted over all passes."""
    if progress is None:
        return None
    return lambda done, total: progress(done + number * total, total * passes)


def _side_by_side(passes: list[Observations]) -> tuple[Floats, Floats]:
    """Keypoints (F, P, 133, 2) and scores: the persons of one pass, or one person of each."""
    linked = [link(one.estimates, one.times, one.size) for one in passes]
    if len(linked) == 1:
        return linked[0]
    frames = min(len(keypoints) for keypoints, _ in linked)
    keypoints = np.full((frames, len(linked), COUNT, 2), np.nan)
    scores = np.zeros((frames, len(linked), COUNT))
    for slot, (points, values) in enumerate(linked):
        if points.shape[1]:  # else nobody was seen in this pass
            keypoints[:, slot], scores[:, slot] = points[:frames, 0], values[:frames, 0]
    return keypoints, scores


def _crowd(estimates: list[Estimate], focus: Focus | None) -> NDArray[np.int64]:
    if focus is not None:
        return focus.crowd[: len(estimates)]
    return np.array([len(points) for points, _ in estimates])


def _nobody(clip: Clip | Iterable[Frame], seen: Observations) -> str:
    frames = len(seen.estimates)
    looked = "1 frame" if frames == 1 else f"{frames} frames"
    until = ""
    if isinstance(clip, Clip) and frames > 1:
        until = f", 0.0 to {seen.times[-1]:.1f} s"
    return (
        f"no person found in {name_of(clip)} (looked at {looked}{until}); use a video in which one "
        "person is seen from the front, well lit and not too small"
    )
