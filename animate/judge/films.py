"""Judge a finished video, or the result of a run whose poses are known already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animate.config import Settings, settings_from
from animate.driving import find_poses, open_driving
from animate.errors import OutputError, UsageError
from animate.files import partial_path
from animate.judge.embeddings import clip_of
from animate.judge.evaluation import Evaluation
from animate.judge.judging import Case, judge
from animate.progress import Progress, ignore

if TYPE_CHECKING:
    from animate.result import Result
    from pose.skeleton import PoseSequence
    from pose.video import Clip

Frame = NDArray[np.uint8]

RATES_DIFFER = 0.01  # share by which rates may differ and still be one


def evaluate(
    result: str | os.PathLike[str],
    driving: str | os.PathLike[str],
    ref: str | os.PathLike[str],
    *,
    truth: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Evaluation:
    """Judge the video `result`, in which the character of `ref` was to move as in `driving`.

    driving: whatever `animate` takes. truth: a video that shows what the result should show.
    settings: those of reading and tracking, see animate.config.Settings; left open, the driving
    video is read at the result's rate. Raises AnimateError or pose.PoseError.
    """
    from pose.video import load_image, open_video

    asked, tell = settings_from(settings), progress or ignore
    film = open_film(result, asked)
    source = open_driving(driving, _at_rate(film.fps, driving, asked))
    expected = None
    if source.skeletons is None:
        tell("track", 0, len(source))
        expected = find_poses(source, asked, tell)
        tell("track", len(source), len(source))
    picture = load_image(ref)
    case = Case(
        film=film,
        frames=len(film),
        expected=expected,
        picture=picture,
        body=body_of(picture, asked),
        truth=None if truth is None else open_video(truth),
    )
    return judge(case, backend=_backend(asked), smooth=asked.smooth, progress=progress)


def evaluate_run(
    result: Result,
    picture: Frame,
    *,
    film: Iterable[Frame] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge a run's result by its own poses; only the result is tracked.

    picture (H, W, 3): the reference as loaded. film: the frames as they were written (default:
    they are decoded again). Raises pose.PoseError.
    """
    settings, motion = result.settings, result.motion
    expected = None
    if motion.steering is not None:
        steps = np.arange(motion.lead, len(motion.steering))
        expected = motion.steering.take(steps, result.fps)
    case = Case(
        film=film if film is not None else _Decoded(result),
        frames=len(result),
        expected=expected,
        picture=picture,
        body=body_of(picture, settings),
        borders=borders_of(result),
        embed=clip_of(result.pipeline.image_encoder, result.pipeline.feature_extractor),
    )
    return judge(case, backend=_backend(settings), smooth=settings.smooth, progress=progress)


def written_film(path: Path, panel: int | None) -> Iterable[Frame]:
    """The frames of a written video; of a comparison only the last `panel` columns."""
    from pose.video import open_video

    clip = open_video(path)
    return clip if panel is None else _Panel(clip, panel)


def save_evaluation(path: Path, found: Evaluation) -> None:
    """Write the figures as JSON; the file appears when it is whole. Raises OutputError."""
    partial = partial_path(path)
    try:
        partial.write_text(found.to_json() + "\n", encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def borders_of(result: Result) -> tuple[int, ...]:
    """First frames of the windows in the last step of a run, as frames of the clip."""
    from temporal.windows import plan_windows

    settings = result.settings
    plan = plan_windows(
        len(result.motion),
        settings.window,
        settings.overlap,
        blend=settings.windows,
        step=settings.steps - 1,
    )
    starts = (window.start - result.motion.lead for window in plan)
    return tuple(start for start in starts if start > 0)


def body_of(picture: Frame, asked: Settings) -> PoseSequence:
    """Who is seen in the reference picture; an empty sequence if nobody is."""
    from pose.backends import with_device
    from pose.detect import detect
    from pose.errors import NoPersonError
    from pose.skeleton import PoseSequence

    try:
        return detect(picture, backend=with_device(asked.pose_backend, asked.device))
    except NoPersonError:
        return PoseSequence.empty((picture.shape[1], picture.shape[0]))


def open_film(path: str | os.PathLike[str], asked: Settings) -> Clip:
    """The result as a film. Raises pose.VideoError, UsageError for keypoints."""
    from pose.files import is_pose_source
    from pose.folders import open_pictures
    from pose.video import open_video

    path = Path(path)
    if is_pose_source(path):
        raise UsageError(f"{path} holds keypoints; give the video that was made")
    return open_pictures(path, fps=asked.fps) if path.is_dir() else open_video(path)


@dataclass(frozen=True, eq=False)
class _Decoded:
    """A result's frames, decoded every time they are asked for."""

    result: Result

    def __iter__(self) -> Iterator[Frame]:
        return self.result.stream()


@dataclass(frozen=True, eq=False)
class _Panel:
    """The right-hand columns of a film."""

    clip: Clip
    width: int

    def __iter__(self) -> Iterator[Frame]:
        return (frame[:, -self.width :] for frame in self.clip)


def _at_rate(fps: float, driving: str | os.PathLike[str], asked: Settings) -> Settings:
    """The settings, at the result's rate if none was asked for and the driving one differs."""
    if asked.fps is not None or asked.stride != 1:
        return asked
    own = open_driving(driving, asked).fps
    return asked if abs(own / fps - 1) <= RATES_DIFFER else replace(asked, fps=fps)


def _backend(asked: Settings) -> str:
    from pose.backends import with_device

    return str(with_device(asked.pose_backend, asked.device))
