"""Small films of a cartoon figure with its true keypoints: a data set in seconds, no tracker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animate.training.emphasis import parts_of
from animate.training.prepare import Plan, Prepared, prepare
from animate.video import VideoWriter
from pose.files import save_poses
from pose.skeleton import COUNT, FACE, INDEX, LEFT_HAND, RIGHT_HAND, PoseSequence

WIDTH, HEIGHT, FRAMES, FPS = 64, 96, 12, 12.0
# Films this small, short and plain break these rules.
LIMITS = {"short_side": 64.0, "seconds": 0.5, "letters": None, "blur": None, "cut_off": None}
PLAN = Plan(limits=LIMITS)

# The right half of a figure in [0, 1]; x is mirrored at the middle for the left.
HALF = {
    "eye": (0.47, 0.13), "ear": (0.45, 0.14), "shoulder": (0.40, 0.28), "hip": (0.44, 0.55),
    "knee": (0.43, 0.74), "ankle": (0.43, 0.92), "big_toe": (0.40, 0.95),
    "small_toe": (0.38, 0.95), "heel": (0.43, 0.94),
}  # fmt: skip
UPPER_ARM, FOREARM, PALM = 0.14, 0.13, 0.05  # lengths


def figure(angles: tuple[float, float]) -> NDArray[np.float64]:
    """Keypoints (133, 2) in [0, 1] with the right and the left arm at angles from straight down."""
    points = np.zeros((COUNT, 2))
    points[INDEX["nose"]] = (0.5, 0.15)
    turn = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    points[FACE] = np.stack([0.5 + 0.05 * np.cos(turn), 0.15 + 0.06 * np.sin(turn)], axis=1)
    for side, sign, angle, hand in (
        ("right", 1, angles[0], RIGHT_HAND),
        ("left", -1, angles[1], LEFT_HAND),
    ):
        for name, (x, y) in HALF.items():
            points[INDEX[f"{side}_{name}"]] = (0.5 + sign * (x - 0.5), y)
        along = np.array([-sign * np.sin(angle), np.cos(angle)])
        elbow = points[INDEX[f"{side}_shoulder"]] + UPPER_ARM * along
        wrist = elbow + FOREARM * along
        points[INDEX[f"{side}_elbow"]], points[INDEX[f"{side}_wrist"]] = elbow, wrist
        points[hand] = wrist + PALM * np.linspace(0, 1, 21)[:, None] * along
    return points


def paint(keypoints: NDArray[np.float64], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W, 3) of the figure: palette (4, 3) of background, body, hands and head."""
    parts = parts_of(keypoints[None], np.ones((1, COUNT)), (WIDTH, HEIGHT))
    return palette[parts]


def make_film(folder: Path, seed: int, frames: int = FRAMES) -> Path:
    """A figure that moves its arms, and an npz beside it, which `prepare` takes for its poses."""
    rng = np.random.default_rng(seed)
    palette = rng.integers(0, 256, (4, 3)).astype(np.uint8)
    start, pace = rng.uniform(0, 2 * np.pi, 2), rng.uniform(0.4, 0.8, 2)
    angles = 1.2 + np.sin(start + pace * np.arange(frames)[:, None])
    keypoints = np.array([figure((a, b)) * [WIDTH, HEIGHT] for a, b in angles])
    path = folder / f"film{seed:02d}.mp4"
    with VideoWriter(path, (WIDTH, HEIGHT), FPS) as writer:
        for points in keypoints:
            writer.write(paint(points, palette))
    truth = PoseSequence(
        keypoints=keypoints[:, None],
        scores=np.ones((frames, 1, COUNT)),
        size=(WIDTH, HEIGHT),
        fps=FPS,
    )
    save_poses(path.with_suffix(".npz"), truth)
    return path


def make_films(folder: Path, count: int = 20) -> Path:
    """A folder of such films."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        make_film(folder, seed)
    return folder


def prepare_films(films: Path, folder: Path, *, workers: int = 1, shards: bool = False) -> Prepared:
    """All of them as a data set."""
    return prepare([films], folder, PLAN, workers=workers, shards=shards)
