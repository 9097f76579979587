"""Fixtures of the pose tests: files made with FFmpeg, and an estimator with known answers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.skeleton import COUNT, FACE, INDEX, LEFT_HAND, RIGHT_HAND

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]

# A standing figure in [0, 1], seen from the front: the person's left is on the right.
STANDING = {
    "nose": (0.50, 0.15), "left_eye": (0.52, 0.13), "right_eye": (0.48, 0.13),
    "left_ear": (0.55, 0.14), "right_ear": (0.45, 0.14),
    "left_shoulder": (0.60, 0.28), "right_shoulder": (0.40, 0.28),
    "left_elbow": (0.65, 0.42), "right_elbow": (0.35, 0.42),
    "left_wrist": (0.67, 0.55), "right_wrist": (0.33, 0.55),
    "left_hip": (0.56, 0.55), "right_hip": (0.44, 0.55),
    "left_knee": (0.57, 0.74), "right_knee": (0.43, 0.74),
    "left_ankle": (0.57, 0.92), "right_ankle": (0.43, 0.92),
    "left_big_toe": (0.60, 0.96), "left_small_toe": (0.62, 0.95), "left_heel": (0.57, 0.95),
    "right_big_toe": (0.40, 0.96), "right_small_toe": (0.38, 0.95), "right_heel": (0.43, 0.95),
}  # fmt: skip


@pytest.fixture(scope="session")
def standing() -> Arrays:
    """A whole body in [0, 1]: keypoints (133, 2) and scores (133,) of 0.9."""
    rng = np.random.default_rng(0)
    keypoints = np.empty((COUNT, 2))
    for name, place in STANDING.items():
        keypoints[INDEX[name]] = place
    keypoints[FACE] = np.array([0.5, 0.14]) + rng.uniform(-0.04, 0.04, (68, 2))
    keypoints[LEFT_HAND] = np.array([0.68, 0.60]) + rng.uniform(-0.03, 0.03, (21, 2))
    keypoints[RIGHT_HAND] = np.array([0.32, 0.60]) + rng.uniform(-0.03, 0.03, (21, 2))
    return keypoints, np.full(COUNT, 0.9)


class BrightnessBackend:
    """An estimator with known answers: a figure as far to the right as the frame is bright.

    Black frames show nobody. It counts the frames it saw and whether it was closed.
    """

    name = "brightness"

    def __init__(self, figure: Arrays) -> None:
        self.figure = figure
        self.frames = 0
        self.closed = False

    def estimate(self, frame: NDArray[np.uint8]) -> Arrays:
        self.frames += 1
        if not frame.any():
            return np.empty((0, COUNT, 2)), np.empty((0, COUNT))
        keypoints, scores = self.figure
        size = (frame.shape[1], frame.shape[0])
        return (keypoints * size + [float(frame.mean()), 0.0])[None], scores[None]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def brightness(standing: Arrays) -> BrightnessBackend:
    return BrightnessBackend(standing)


@pytest.fixture(scope="session")
def ffmpeg(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Run FFmpeg with arguments and get the path of the file `name` it made."""
    import imageio_ffmpeg

    folder = tmp_path_factory.mktemp("videos")
    program = imageio_ffmpeg.get_ffmpeg_exe()

    def run(name: str, *arguments: str) -> Path:
        command = [program, "-hide_banner", "-loglevel", "error", "-y", *arguments, name]
        subprocess.run(command, check=True, cwd=folder)
        return folder / name

    return run


@pytest.fixture(scope="session")
def film(ffmpeg: Callable[..., Path]) -> Callable[..., Path]:
    """Make a video of FFmpeg's moving test picture, at 10 frames a second."""

    def make(name: str, *arguments: str, size: str = "64x48", seconds: float = 1.0) -> Path:
        source = f"testsrc=size={size}:rate=10:duration={seconds}"
        return ffmpeg(name, "-f", "lavfi", "-i", source, *arguments)

    return make


@pytest.fixture(scope="session")
def plain(film: Callable[..., Path]) -> Path:
    """30 frames of 64x48 at 10 frames a second, a key frame every half second."""
    return film("plain.mp4", "-pix_fmt", "yuv420p", "-g", "5", seconds=3)
