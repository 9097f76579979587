"""From an animated clip and what was asked for to the judge's figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from animate.framing import Framing, frame_body
from animate.judge.embeddings import Embed, find_clip, find_faces, likeness
from animate.judge.evaluation import Evaluation
from animate.judge.identity import IdentityFigures, compare_looks
from animate.judge.motion import MotionFigures, compare_motion, person_of
from animate.judge.regions import silhouette
from animate.judge.viewing import View, appearance, cut_figure, shrink
from animate.progress import Progress, ignore
from pose.errors import NoPersonError
from pose.skeleton import FACE, PoseSequence

Frame = NDArray[np.uint8]

NO_MOTION = "finished skeletons hold no keypoints, so the motion is not judged"
NO_BODY = "no body is found in the reference, so its parts' colours are not compared"


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A result and all it is judged by.

    film: its frames (H, W, 3), which can be iterated again and again. expected: the motion that
    was asked for, in pixels of any picture; None for finished skeletons. picture (H, W, 3) and
    body: the reference, and who is seen in it. borders: first frames of the model's windows.
    truth: the true frames. embed: an image encoder that is loaded already.
    """

    film: Iterable[Frame]
    frames: int
    expected: PoseSequence | None
    picture: Frame
    body: PoseSequence
    borders: tuple[int, ...] = ()
    truth: Iterable[Frame] | None = None
    embed: Embed | None = None


def judge(
    case: Case, *, backend: str = "auto", smooth: float = 0.3, progress: Progress | None = None
) -> Evaluation:
    """Track the result, look at every frame of it, and compare.

    backend and smooth should be those that found the expected motion. Raises pose.PoseError if
    the tracker or the film fails, but not if nobody is found: that is a figure.
    """
    tell = progress or ignore
    tracked = track_result(
        case.film, case.frames, backend=backend, smooth=smooth,
        progress=lambda done: tell("judge", done // 2, case.frames),
    )  # fmt: skip
    view = View(case.frames)
    points, visible, _ = person_of(tracked)
    truths: Iterable[Frame | None] = chain(case.truth or (), repeat(None))
    for index, (frame, truth) in enumerate(zip(case.film, truths, strict=False)):
        fitted = None if truth is None else _fitted(truth, frame)
        view.add(frame, points[index], visible[index], fitted)
        tell("judge", (case.frames + index + 1) // 2, case.frames)
    notes = [] if case.expected is not None else [NO_MOTION]
    if not case.body.people:
        notes.append(NO_BODY)
    return Evaluation(
        frames=len(view.appearances),
        motion=None if case.expected is None else follow(case.expected, tracked),
        identity=_identity(case, view),
        steadiness=view.steadiness(case.borders),
        truth=view.truth(),
        notes=tuple(notes),
    )


def track_result(
    film: Iterable[Frame],
    frames: int,
    *,
    backend: str = "auto",
    smooth: float = 0.3,
    progress: Callable[[int], None] | None = None,
) -> PoseSequence:
    """The most prominent person's poses; a sequence of `frames` without anybody if none is seen."""
    from pose.track import track

    tell = progress or (lambda done: None)
    try:
        return track(film, backend=backend, smooth=smooth, progress=lambda done, total: tell(done))
    except NoPersonError:
        return PoseSequence.empty(_size(next(iter(film))), frames)


def follow(expected: PoseSequence, tracked: PoseSequence) -> MotionFigures:
    """How well tracked poses follow the expected ones."""
    wanted, shown, _ = person_of(expected)
    points, _, found = person_of(tracked)
    return compare_motion(wanted, shown, points, found, tracked.size)


def _fitted(truth: Frame, frame: Frame) -> Frame:
    """The true frame at the result's size."""
    if truth.shape == frame.shape:
        return truth
    return Framing(_size(truth), _size(frame)).picture(truth)


def _identity(case: Case, view: View) -> IdentityFigures:
    framing = frame_body(case.picture, case.body, _size(next(iter(case.film))))
    points, visible, _ = person_of(case.body)
    placed = framing.points(points[0])
    small, scale = shrink(framing.picture(case.picture))
    looks = appearance(small, placed * scale, visible[0], silhouette(small, placed * scale))
    figures = compare_looks(view.typical(), looks)
    clip, face = _likeness(case, view)
    return replace(figures, clip=clip, face=face)


def _likeness(case: Case, view: View) -> tuple[float | None, float | None]:
    """CLIP's and ArcFace's opinion, as far as their weights are here."""
    own = cut_figure(case.picture, person_of(case.body)[0][0])
    clip = alike = None
    if (embed := case.embed or find_clip()) is not None:
        pictures = [picture for picture, _ in view.samples]
        clip = likeness(embed(pictures), embed([own[0]])[0])
    if (face_of := find_faces()) is not None:
        faces = [face_of(picture, points[FACE]) for picture, points in view.samples]
        reference, seen = (
            face_of(own[0], own[1][FACE]),
            [face for face in faces if face is not None],
        )
        if reference is not None and seen:
            alike = likeness(np.stack(seen), reference)
    return clip, alike


def _size(picture: Frame) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]
