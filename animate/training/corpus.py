"""Synthetic clips on disk: rendered once by several processes, resumable, loaded as memory maps.

One ``.npz`` a clip, named by its seed, written whole or not at all. Keypoints are stored, not
skeletons: those are drawn when a batch is made, each time with a tracker's noise and gaps.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from animate.training.synthetic import (
    caption,
    library_motion,
    photograph,
    random_person,
    random_photograph,
    random_view,
    render,
    select,
    stack,
)

Item = TypeVar("Item")

ARRAYS = ("frames", "parts", "keypoints", "scores")  # what a clip's file holds
STEPS_APART = (1 / 48, 1 / 24, 1 / 12, 1 / 6)  # seconds between frames: slow to quick motion
PACES = (0.1, 0.45, 0.35, 0.1)  # and how often
SEATED = 0.08  # share of the characters that sit


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """One picture size and its share of the clips."""

    width: int
    height: int
    share: float

    @property
    def name(self) -> str:
        """The folder of this size."""
        return f"{self.width}x{self.height}"


# Short side 128. Mostly 2:3 portrait as the samples; 9:16 phone clips; some square and landscape.
BUCKETS = (
    Bucket(width=128, height=192, share=0.62),
    Bucket(width=128, height=224, share=0.18),
    Bucket(width=160, height=160, share=0.10),
    Bucket(width=192, height=128, share=0.10),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipStack:
    """All clips of one size: the first ``moving`` frames of each follow each other in time.

    frames (C, T, H, W, 3) uint8; parts (C, T, H, W) uint8 (0 background, 1 body, 2 hand, 3 head);
    keypoints (C, T, 133, 2) pixels; scores (C, T, 133). names: the clips' file names.
    """

    bucket: Bucket
    names: tuple[str, ...]
    frames: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    scores: NDArray[np.float32]
    moving: int

    def __len__(self) -> int:
        return int(self.frames.shape[0])


def render_sample(
    seed: int, *, moving: int, stills: int, truth: bool = False, photos: float = 0.0
) -> tuple[Bucket, dict[str, Any]]:
    """Render one character: ``moving`` frames of one motion, then ``stills`` from other motions.

    The stills serve as reference pictures whose pose has nothing to do with the motion.
    Arrays as in ClipStack, "visible" (T, 133) bool and "caption"; with `truth` also "depth"
    (T, H, W) float16 in metres, inf behind the figure, and "normals" (T, H, W, 3) int8 in 1 / 127.

    ``photos`` is the share of the characters that a camera has seen (synthetic/photograph.py).
    Noise and compression stay out of the moving frames: a model cannot foretell them.
    """
    rng = np.random.default_rng(seed)
    bucket = BUCKETS[rng.choice(len(BUCKETS), p=[b.share for b in BUCKETS])]
    character = random_person(rng)
    seated = bool(rng.random() < SEATED)
    if seated:
        character = replace(character, outfit=replace(character.outfit, stool=True, gown=0.0))
    camera, framing = random_view(rng, bucket.width, bucket.height, character.build.height, seated)
    times = rng.uniform(0, 10) + rng.choice(STEPS_APART, p=PACES) * np.arange(moving)
    motion, action = library_motion(rng, seated)
    first = motion(times)
    poses = [select(first, index) for index in range(moving)]
    for _ in range(stills):
        other, _ = library_motion(rng, seated)
        poses.append(select(other(rng.uniform(0, 10, size=1)), 0))
    rendering = render(stack(poses), character, camera)
    frames = rendering.frames
    if rng.random() < photos:
        look = random_photograph(rng)
        calm = replace(look, noise=0.0, quality=100)
        split = [(slice(0, moving), calm), (slice(moving, None), look)]
        frames = np.concatenate(
            [photograph(frames[part], rendering.parts[part], taken) for part, taken in split]
        )
    arrays = {
        "frames": frames,
        "parts": rendering.parts,
        "keypoints": rendering.keypoints.astype(np.float32),
        "scores": rendering.scores.astype(np.float32),
        "visible": rendering.visible,
        "caption": np.array(caption(character, action, framing)),
    }
    if truth:
        arrays["depth"] = rendering.depth.astype(np.float16)
        arrays["normals"] = np.rint(rendering.normals * 127).astype(np.int8)
    return bucket, arrays


def build_corpus(
    folder: Path,
    count: int,
    *,
    first_seed: int = 0,
    moving: int = 8,
    stills: int = 4,
    photos: float = 0.0,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Render the clips ``first_seed .. first_seed + count - 1`` that the folder still lacks."""
    done = {int(path.stem) for path in folder.glob("*/*.npz")}
    missing = [seed for seed in range(first_seed, first_seed + count) if seed not in done]
    write = partial(_write_sample, folder, moving, stills, photos)
    for finished, _ in enumerate(spread(write, missing, workers), start=count - len(missing) + 1):
        if progress:
            progress(finished, count)


def load_corpus(folder: Path, *, moving: int = 8) -> list[ClipStack]:
    """Load every clip of a corpus, one stack a size; a broken file is left out and deleted.

    Raises FileNotFoundError for an empty folder.
    """
    stacks = []
    for bucket in BUCKETS:
        paths = sorted((folder / bucket.name).glob("*.npz"))
        clips = {path.stem: clip for path in paths if (clip := _read(path))}
        if clips:
            arrays = {key: np.stack([clip[key] for clip in clips.values()]) for key in ARRAYS}
            stacks.append(ClipStack(bucket=bucket, names=tuple(clips), moving=moving, **arrays))
    if not stacks:
        raise FileNotFoundError(f"{folder}: no clips there; render some with build_corpus first")
    return stacks


def spread(work: Callable[[Item], None], items: Sequence[Item], workers: int) -> Iterator[None]:
    """Do the work on every item, in order or in ``workers`` processes."""
    if workers <= 1:
        yield from map(work, items)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(work, items, chunksize=4)


def _write_sample(folder: Path, moving: int, stills: int, photos: float, seed: int) -> None:
    import torch

    torch.set_num_threads(1)
    bucket, arrays = render_sample(seed, moving=moving, stills=stills, photos=photos)
    target = folder / bucket.name / f"{seed:07d}.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial_file = target.with_suffix(".part")
    with partial_file.open("wb") as file:
        np.savez_compressed(file, **arrays)
    os.replace(partial_file, target)


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    try:
        with np.load(path, allow_pickle=False) as data:
            return {key: data[key] for key in ARRAYS}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        path.unlink()
        return None
