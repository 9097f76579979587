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

# How a picture is shown to the estimator until it sees a body: the border added on each side, in
# sides of the picture. Detectors expect some room around a person, drawn figures often fill
# their picture.
BORDERS = (0.0, 0.2, 0.5, 1.0)
SHORT_SIDE = (320, 1080)  # pixels; pictures outside are scaled to these before detection
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
    shown with wider and wider borders until most of a body is found; the fullest answer
    counts. Raises NoPersonError and BackendError.
    """
    height, width = image.shape[:2]
    best: Estimate | None = None
    with backend_for(backend, static=True) as estimator:
        for border in BORDERS:
            answer = _estimate_with_border(estimator, image, border)
            if len(answer[0]) and (best is None or _joints(answer) > _joints(best)):
                best = answer
            if best is not None and _joints(best) >= ENOUGH_JOINTS:
                break
        name = estimator.name
    if best is None:
        raise NoPersonError(
            f"no person found in the picture ({width}x{height}, tried {len(BORDERS)} ways); use a "
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


def _estimate_with_border(estimator: Backend, image: Frame, border: float) -> Estimate:
    """The estimate on the scaled picture with a border, in pixels of the picture itself."""
    short = min(image.shape[:2])
    scale = min(max(short, SHORT_SIDE[0]), SHORT_SIDE[1]) / short
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = image if scale == 1 else cv2.resize(image, size, interpolation=method)
    extra_x, extra_y = round(size[0] * border), round(size[1] * border)
    if border:
        colour = [float(value) for value in np.median(_rim(image), axis=0)]
        scaled = cv2.copyMakeBorder(
            scaled, extra_y, extra_y, extra_x, extra_x, cv2.BORDER_CONSTANT, value=colour
        )
    points, scores = estimator.estimate(np.asarray(scaled, dtype=np.uint8))
    ratio = np.array([size[0] / image.shape[1], size[1] / image.shape[0]])
    return (points - [extra_x, extra_y]) / ratio, scores


def _rim(image: Frame) -> Frame:
    """The outermost pixels of a picture: (N, 3)."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


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
