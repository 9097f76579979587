"""Poses as files: keypoints, a video of skeletons, and skeletons over the film."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from animate.config import Settings
from animate.driving import find_poses, open_driving
from animate.errors import OutputError, UsageError
from animate.files import check_output
from animate.progress import Progress, ignore
from animate.video import VideoWriter

if TYPE_CHECKING:
    from animate.driving import Driving
    from pose.skeleton import PoseSequence


def track_video(
    driving: str | os.PathLike[str], asked: Settings, *, progress: Progress | None = None
) -> tuple[Driving, PoseSequence]:
    """The poses of the person in a video. Raises pose.PoseError; UsageError for skeletons."""
    source = open_driving(driving, asked)
    if source.skeletons is not None:
        raise UsageError(f"{source.path} shows skeletons already; give the film they come from")
    return source, find_poses(source, asked, progress or ignore)


def check_poses(path: Path, *, overwrite: bool) -> None:
    """Raise UsageError or OutputError now if keypoints could not be written to `path` later."""
    if path.suffix:
        if path.suffix.lower() != ".npz":
            raise UsageError(
                f"{path}: keypoints go into a .npz file, or into a folder (a name without a "
                "suffix) as OpenPose JSON"
            )
        check_output(path, overwrite=overwrite, suffixes=(".npz",))
    elif path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputError(f"{path} exists already; name a new or an empty folder for the JSON")


def save_poses(
    path: str | os.PathLike[str], poses: PoseSequence, *, overwrite: bool = True
) -> None:
    """Write a keypoint file (.npz), or OpenPose JSON into a folder if the name has no suffix."""
    from pose import files, openpose

    path = Path(path)
    check_poses(path, overwrite=overwrite)
    if path.suffix:
        files.save_poses(path, poses)
    else:
        openpose.save_openpose(path, poses)


def save_skeletons(
    path: str | os.PathLike[str],
    poses: PoseSequence,
    *,
    look: str = "official",
    overwrite: bool = True,
    progress: Progress | None = None,
) -> None:
    """Write the skeletons, drawn on black at the size of the video, as H.264."""
    from pose.draw import draw

    frames = (draw(*poses.frame(i), poses.size, look=look) for i in range(len(poses)))
    _write(Path(path), poses, frames, "draw", overwrite=overwrite, progress=progress)


def save_overlay(
    path: str | os.PathLike[str],
    poses: PoseSequence,
    film: Iterable[NDArray[np.uint8]],
    *,
    overwrite: bool = True,
    progress: Progress | None = None,
) -> None:
    """Write the film, darkened, with the skeletons and each person's number on it."""
    from pose.overlay import overlay

    def frames() -> Iterator[NDArray[np.uint8]]:
        for index, frame in zip(range(len(poses)), film, strict=False):
            yield overlay(frame, poses, index)

    _write(Path(path), poses, frames(), "overlay", overwrite=overwrite, progress=progress)


def _write(
    path: Path,
    poses: PoseSequence,
    frames: Iterable[NDArray[np.uint8]],
    stage: str,
    *,
    overwrite: bool,
    progress: Progress | None,
) -> None:
    tell = progress or ignore
    check_output(path, overwrite=overwrite)
    with VideoWriter(path, poses.size, poses.fps) as writer:
        for done, frame in enumerate(frames, start=1):
            writer.write(frame)
            tell(stage, done, len(poses))
