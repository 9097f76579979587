"""The benchmark's clips as files, with the exact place of every joint; rendered once and kept."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import torch
from numpy.typing import NDArray

from animate.training import synthetic
from animate.training.synthetic import Camera, render
from animate.training.synthetic.frames import pose_skeleton
from animate.training.synthetic.keypoints import keypoints

from .shots import FRAMES, Floats, Shot, character_of, poses_of

NOISE = 2.0  # standard deviation of the camera's noise, in levels of 255
CHUNK = 7  # frames rendered at a time
VERSION = 3  # of what is rendered for a shot
# The renderer's ankles turn 62 mm above the ground. An adult's are 0.039 of the height above the
# sole of the foot (Winter, Biomechanics and Motor Control of Human Movement, fig. 4.1), 68 mm at
# 1.75 m, and shoes add about 25 mm: the ankle that one marks in a picture lies 30 mm higher.
SOLE = 0.030


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Where the joints of one clip are."""

    pixels: Floats  # (F, 133, 2), also of joints that are hidden or outside; ankles: see SOLE
    metres: Floats  # (F, 133, 3), z towards the camera
    parts: NDArray[np.uint8]  # (F, 133) what the picture shows there: 0 nothing, 1 body, 2 hand
    scale: Floats  # (F, 133) pixels a metre at the joint's depth
    size: tuple[int, int]
    fps: float


def make(shot: Shot, folder: Path) -> tuple[Path, Truth]:
    """The clip's file and its truth; rendered if `folder` does not hold them yet."""
    film = folder / f"{shot.name}-{_fingerprint(shot)}.mp4"
    facts = film.with_suffix(".npz")
    if not (film.is_file() and facts.is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        frames, truth = _render(shot)
        _save(facts, truth)
        _encode(film, frames, shot)
    return film, _load(facts)


def _fingerprint(shot: Shot) -> str:
    """Changes with the recipe and with the renderer."""
    code = hashlib.sha256(f"{VERSION} {FRAMES} {NOISE} {shot}".encode())
    for path in sorted(Path(synthetic.__file__).parent.glob("*.py")):
        code.update(path.read_bytes())
    return code.hexdigest()[:12]


def _render(shot: Shot) -> tuple[NDArray[np.uint8], Truth]:
    character, (poses, moments) = character_of(shot), poses_of(shot)
    camera = Camera(
        width=shot.size[0], height=shot.size[1], fill=shot.fill, centre=(0.0, shot.middle)
    )
    count = len(poses.yaw)
    frames, parts = [], []
    for start in range(0, count, CHUNK * moments):
        chosen = slice(start, start + CHUNK * moments)
        piece = render(synthetic.select(poses, chosen), character, camera)
        shape = (-1, moments, *piece.frames.shape[1:])
        frames.append(piece.frames.reshape(shape).mean(axis=1))
        parts.append(piece.parts[moments // 2 :: moments])
    middle = synthetic.select(poses, np.arange(count)[moments // 2 :: moments])
    metres = _raised(keypoints(pose_skeleton(middle, [character.build] * FRAMES), middle))
    pixels = camera.project(metres)
    truth = Truth(
        pixels=pixels,
        metres=metres,
        parts=_at(np.concatenate(parts), pixels),
        scale=camera.focal / (camera.distance - metres[..., 2]),
        size=shot.size,
        fps=float(shot.fps),
    )
    picture = np.concatenate(frames)
    grain = np.random.default_rng(0).normal(0.0, NOISE, picture.shape)
    return np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8), truth


def _raised(metres: Floats) -> Floats:
    """The joints (F, 133, 3) with the ankles moved up the shins, see SOLE."""
    raised = metres.copy()
    for ankle, knee in ((15, 13), (16, 14)):
        shin = metres[:, knee] - metres[:, ankle]
        raised[:, ankle] += SOLE * shin / np.linalg.norm(shin, axis=-1, keepdims=True)
    return raised


def _at(parts: NDArray[np.uint8], pixels: Floats) -> NDArray[np.uint8]:
    """The part (F, K) at pixels (F, K, 2); 0 outside the picture."""
    height, width = parts.shape[1:]
    x, y = np.floor(pixels[..., 0]).astype(int), np.floor(pixels[..., 1]).astype(int)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    frame = np.arange(len(parts))[:, None]
    found = parts[frame, y.clip(0, height - 1), x.clip(0, width - 1)]
    return np.where(inside, found, 0).astype(np.uint8)


def _save(path: Path, truth: Truth) -> None:
    _whole(path, lambda part: np.savez_compressed(part, **vars(truth)))


def _load(path: Path) -> Truth:
    with np.load(path) as file:
        width, height = file["size"]
        arrays = {name: file[name] for name in ("pixels", "metres", "parts", "scale")}
        return Truth(size=(int(width), int(height)), fps=float(file["fps"]), **arrays)


def _encode(path: Path, frames: NDArray[np.uint8], shot: Shot) -> None:
    """H.264 as a phone or a web page would store it."""

    def write(part: Path) -> None:
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt",
            "rgb24", "-s", f"{shot.size[0]}x{shot.size[1]}", "-r", str(shot.fps), "-i", "-",
            "-c:v", "libx264", "-crf", str(shot.crf), "-pix_fmt", "yuv420p", "-threads", "1",
            str(part),
        ]  # fmt: skip
        subprocess.run(command, input=frames.tobytes(), check=True)

    _whole(path, write)


def _whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file that appears under its name only when it is complete."""
    part = path.with_name(f"{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        write(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def prepare(shots: tuple[Shot, ...], folder: Path) -> list[tuple[Shot, Path, Truth]]:
    """Every clip with its truth, in order."""
    torch.set_num_threads(min(torch.get_num_threads(), 2))
    made = []
    for shot in shots:
        made.append((shot, *make(shot, folder)))
        print(f"clip {len(made)}/{len(shots)}: {shot.name}", flush=True)
    return made
