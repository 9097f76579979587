"""Frames -> PoseSequence: a video's poses, or those of a single picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sized
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.backends import Backend, backend_for
from pose.errors import BackendError, NoPersonError
from pose.skeleton import BODY, COUNT, VISIBLE, Floats, PoseSequence
from pose.smooth import fill_gaps
from pose.video import Clip, open_video

Frame = NDArray[np.uint8]
Progress = Callable[[int, int], None]
Source = str | os.PathLike[str] | Clip | Iterable[Frame]
Estimate = tuple[Floats, Floats]

DEFAULT_FPS = 25.0  # for frames that come without times

# The parts of a picture (left, top, right, bottom in sides of it) that are shown to the estimator
# until it sees a body: with more and more room around, as drawn figures often fill their picture,
# then larger, as detectors miss persons below a fifth of the height.
VIEWS = (
    (0.0, 0.0, 1.0, 1.0),
    (-0.2, -0.2, 1.2, 1.2),
    (-0.5, -0.5, 1.5, 1.5),
    (-1.0, -1.0, 2.0, 2.0),
    (0.25, 0.25, 0.75, 0.75),
    (0.0, 0.0, 0.6, 0.6),
    (0.4, 0.0, 1.0, 0.6),
    (0.0, 0.4, 0.6, 1.0),
    (0.4, 0.4, 1.0, 1.0),
)
SHORT_SIDE = (320, 1080)  # pixels; views outside are scaled to these before detection
ENOUGH_JOINTS = 9  # of 17: more than half of the body settles the search


def track(
    source: Source,
    *,
    backend: str | Backend = "auto",
    progress: Progress | None = None,
) -> PoseSequence:
    """Find the persons in every frame.

    source: path of a video, a Clip, or any iterable of (H, W, 3) uint8 RGB frames of one size.
    backend: a name, or an open Backend (which then stays open). progress(done, total) is called
    after every frame, total is 0 if unknown. Frames without a person get the pose between their
    neighbours and are listed in `filled`. Raises NoPersonError if no frame shows a person,
    VideoError, BackendError.
    """
    clip = open_video(source) if isinstance(source, (str, os.PathLike)) else source
    total = len(clip) if isinstance(clip, Sized) else 0
    estimates: list[Estimate] = []
    size = (0, 0)
    with backend_for(backend) as estimator:
        name = estimator.name
        for frame in clip:
            size = _same_size(size, frame)
            estimates.append(_estimate(estimator, frame, len(estimates)))
            if progress:
                progress(len(estimates), total)
    found = np.array([len(points) > 0 for points, _ in estimates], dtype=bool)
    if not found.any():
        raise NoPersonError(_nobody(clip, len(estimates)))
    if isinstance(clip, Clip):
        times, fps = clip.times[: len(estimates)], clip.fps
    else:
        times, fps = np.arange(len(estimates)) / DEFAULT_FPS, DEFAULT_FPS
    keypoints, scores = fill_gaps(*_stack(estimates), found, times)
    return PoseSequence(
        keypoints=keypoints,
        scores=scores,
        size=size,
        fps=fps,
        times=times,
        filled=tuple(int(frame) for frame in np.flatnonzero(~found)),
        backend=name,
    )


def detect(image: Frame, *, backend: str | Backend = "auto") -> PoseSequence:
    """Find the persons in one picture, a reference for example: a sequence of one frame.

    image (H, W, 3) uint8 RGB. Drawn figures are harder to see than filmed ones, so the picture is
    shown in several VIEWS until most of a body is found; the fullest answer counts. Raises
    NoPersonError and BackendError.
    """
    height, width = image.shape[:2]
    best: Estimate | None = None
    with backend_for(backend, static=True) as estimator:
        for view in VIEWS:
            answer = _estimate_view(estimator, image, view)
            if len(answer[0]) and (best is None or _joints(answer) > _joints(best)):
                best = answer
            if best is not None and _joints(best) >= ENOUGH_JOINTS:
                break
        name = estimator.name
    if best is None:
        raise NoPersonError(
            f"no person found in the picture ({width}x{height}, tried {len(VIEWS)} ways); use a "
            "picture that shows a person from the front, at least head and shoulders, or go on "
            "without fitting the body (--align none)"
        )
    keypoints, scores = best
    return PoseSequence(
        keypoints=keypoints[None], scores=scores[None], size=(width, height), backend=name
    )


def _estimate(estimator: Backend, frame: Frame, number: int) -> Estimate:
    try:
        return estimator.estimate(frame)
    except BackendError as error:
        raise BackendError(f"frame {number}: {error}") from error


def _estimate_view(
    estimator: Backend, image: Frame, view: tuple[float, float, float, float]
) -> Estimate:
    """The estimate on a part of the picture or on more than it, in pixels of the picture."""
    height, width = image.shape[:2]
    left, top, right, bottom = np.rint(np.array(view) * [width, height, width, height]).astype(int)
    part = image[max(top, 0) : bottom, max(left, 0) : right]
    short = min(part.shape[:2])
    scale = min(max(short, SHORT_SIDE[0]), SHORT_SIDE[1]) / short
    room = np.rint(np.maximum([-left, -top], 0) * scale).astype(int)
    shown = _with_room(_scaled(part, scale), (int(room[0]), int(room[1])), image)
    points, scores = estimator.estimate(shown)
    return (points - room) / scale + np.maximum([left, top], 0), scores


def _scaled(image: Frame, scale: float) -> Frame:
    if scale == 1:
        return image
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)


def _with_room(part: Frame, room: tuple[int, int], image: Frame) -> Frame:
    """The part with so many pixels left and right, above and below, in the image's rim colour."""
    x, y = room
    if not (x or y):
        return part
    rim = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    colour = [float(value) for value in np.median(rim, axis=0)]
    wider = cv2.copyMakeBorder(part, y, y, x, x, cv2.BORDER_CONSTANT, value=colour)
    return np.asarray(wider, dtype=np.uint8)


def _joints(estimate: Estimate) -> int:
    """How many body joints the clearest person shows."""
    return int((estimate[1][:, BODY] > VISIBLE).sum(axis=1).max())


def _same_size(size: tuple[int, int], frame: Frame) -> tuple[int, int]:
    here = (frame.shape[1], frame.shape[0])
    if size not in ((0, 0), here):
        raise ValueError(f"expected frames of one size, got {size} and then {here}")
    return here


def _stack(estimates: list[Estimate]) -> Estimate:
    """One array for frames with different numbers of persons: absent ones are missing."""
    people = max(len(points) for points, _ in estimates)
    keypoints = np.full((len(estimates), people, COUNT, 2), np.nan)
    scores = np.zeros((len(estimates), people, COUNT))
    for frame, (points, values) in enumerate(estimates):
        keypoints[frame, : len(points)] = points
        scores[frame, : len(points)] = values
    return keypoints, scores


def _nobody(clip: Clip | Iterable[Frame], frames: int) -> str:
    where = str(Path(clip.info.path)) if isinstance(clip, Clip) else "the frames"
    looked = "1 frame" if frames == 1 else f"{frames} frames"
    until = ""
    if isinstance(clip, Clip) and frames > 1:
        until = f", 0.0 to {clip.times[frames - 1]:.1f} s"
    return (
        f"no person found in {where} (looked at {looked}{until}); use a video in which one person "
        "is seen from the front, well lit and not too small"
    )
