"""Poses as files: keypoints in an npz, skeletons as a video."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from animate.files import check_output, save_arrays
from animate.progress import Progress, ignore
from animate.video import VideoWriter

if TYPE_CHECKING:
    from pose.skeleton import PoseSequence


def track_video(
    driving: str | os.PathLike[str],
    *,
    frames: int | None = None,
    stride: int = 1,
    fps: float | None = None,
    pose_backend: str = "auto",
    progress: Progress | None = None,
) -> PoseSequence:
    """The poses of the person in a video. Raises pose.PoseError."""
    from pose.track import track
    from pose.video import open_video

    tell = progress or ignore
    clip = open_video(driving, fps=fps, stride=stride, frames=frames)
    return track(
        clip, backend=pose_backend, progress=lambda done, total: tell("track", done, total)
    )


def save_poses(
    path: str | os.PathLike[str], poses: PoseSequence, *, overwrite: bool = True
) -> None:
    """Write keypoints (F, P, 133, 2) in pixels, scores, times and what else the poses know."""
    path = Path(path)
    check_output(path, overwrite=overwrite, suffixes=(".npz",))
    save_arrays(
        path,
        keypoints=poses.keypoints,
        scores=poses.scores,
        times=poses.times,
        fps=poses.fps,
        size=poses.size,
        marks=poses.marks,
        backend=poses.backend,
    )


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

    path = Path(path)
    tell = progress or ignore
    check_output(path, overwrite=overwrite)
    with VideoWriter(path, poses.size, poses.fps) as writer:
        for index in range(len(poses)):
            writer.write(draw(*poses.frame(index), poses.size, look=look))
            tell("draw", index + 1, len(poses))
