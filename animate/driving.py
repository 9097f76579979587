"""What sets the motion: a film to be tracked, keypoints, or finished skeletons."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animate.config import Person, Settings
from animate.progress import Progress

if TYPE_CHECKING:
    from pose.skeleton import PoseSequence
    from pose.skeletons import Skeletons
    from pose.video import Clip


@dataclass(frozen=True, kw_only=True, eq=False)
class Driving:
    """An opened driving source; exactly one of film, poses and skeletons is the motion.

    film: to be tracked. poses: keypoints that were read from a file. skeletons: pictures that
    steer the model as they are.
    """

    path: Path
    size: tuple[int, int]  # width, height in pixels
    fps: float
    times: NDArray[np.float64]  # (F,) seconds
    film: Clip | None = None
    poses: PoseSequence | None = None
    skeletons: Skeletons | None = None

    def __len__(self) -> int:
        return len(self.times)

    @property
    def kind(self) -> str:
        """In words."""
        if self.poses is not None:
            return "Keypoints"
        return "Skeletons" if self.skeletons is not None else "Driving video"

    @property
    def pictures(self) -> Iterable[NDArray[np.uint8]] | None:
        """The frames (H, W, 3) that a person can look at, where there are any."""
        return self.film if self.film is not None else self.skeletons

    @property
    def damaged(self) -> float | None:
        """The time in seconds at which a damaged film ends, known after it was read."""
        return getattr(self.film, "damaged", None)


def open_driving(path: str | os.PathLike[str], asked: Settings) -> Driving:
    """Open whatever can set the motion at the rate that is asked for. Raises pose.PoseError."""
    from pose.files import is_pose_source, read_poses
    from pose.folders import open_pictures
    from pose.skeletons import looks_like_skeletons, open_skeletons
    from pose.video import open_video

    path = Path(path)
    reading: dict[str, Any] = {
        "fps": asked.fps, "stride": asked.stride, "frames": asked.frames
    }  # fmt: skip
    if is_pose_source(path):
        poses = _thin(_chosen(read_poses(path, fps=asked.fps), asked.person), asked)
        return Driving(path=path, size=poses.size, fps=poses.fps, times=poses.times, poses=poses)
    if looks_like_skeletons(path):
        drawn = open_skeletons(path, **reading)
        return Driving(path=path, size=drawn.size, fps=drawn.fps, times=drawn.times,
                       skeletons=drawn)  # fmt: skip
    film = open_pictures(path, **reading) if path.is_dir() else open_video(path, **reading)
    return Driving(path=path, size=film.size, fps=film.fps, times=film.times, film=film)


def find_poses(driving: Driving, asked: Settings, progress: Progress) -> PoseSequence:
    """The poses of the chosen person: read, remembered or tracked. Raises pose.PoseError."""
    from pose.backends import with_device
    from pose.cache import track_cached

    if driving.poses is not None or driving.film is None:
        if driving.poses is None:
            raise ValueError("finished skeletons hold no keypoints")
        return driving.poses
    poses, _ = track_cached(
        driving.film,
        backend=with_device(asked.pose_backend, asked.device),
        person=asked.person,
        smooth=asked.smooth,
        progress=lambda done, total: progress("track", done, total),
        enabled=asked.cache,
    )
    return poses


def _chosen(poses: PoseSequence, person: Person) -> PoseSequence:
    from pose.identity import choose

    return poses.persons(choose(poses.keypoints, poses.scores, person))


def _thin(poses: PoseSequence, asked: Settings) -> PoseSequence:
    """The frames of keypoints that the settings want, as open_video chooses those of a film."""
    rate = poses.fps or 25.0
    frames = np.arange(len(poses))
    if asked.fps is not None:
        times = np.arange(max(round(len(poses) / rate * asked.fps), 1)) / asked.fps
        starts = poses.times - poses.times[0]
        frames = np.abs(starts[None] - times[:, None]).argmin(axis=1)
        rate = asked.fps
    chosen = frames[:: asked.stride][: asked.frames]
    thinned = poses.take(chosen, rate / asked.stride)
    return replace(thinned, times=np.arange(len(chosen)) / thinned.fps)
