"""The corpus of portraits as a source of samples: pictures, prompts and maps of every kind."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from animate.training.batches import CropSource
from animate.training.corpus import Bucket, ClipStack
from animate.training.data import Sample, to_unit
from animate.training.mini_image import KINDS
from animate.training.portraits import Portraits
from animate.training.truth_maps import truth_map

# How much an error counts: background, body, hand, head. Unlike a film's viewer, a prompt asks for
# clothes more than for hands.
PART_WEIGHTS = np.array([1.0, 4.0, 4.0, 4.0], np.float32)
UNCONTROLLED = 0.17  # share of the samples without a map
# Of those with one: poses twice as often, as they tell least of a picture.
SHARES = {kind: 0.4 if kind == "pose" else 0.2 for kind in KINDS}
CROP = 48  # pixels, of the autoencoder's crops
ENCODED = 64  # pictures encoded at once

Stack = TypeVar("Stack", bound=Sized)


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentPortraits:
    """Portraits of one size with their latents (N, c, h, w) in half precision."""

    portraits: Portraits
    latents: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.portraits)


class _Stacks(Generic[Stack]):
    """Stacks of different sizes, each drawn as often as it has portraits."""

    def __init__(self, stacks: Sequence[Stack]) -> None:
        counts = np.array([len(stack) for stack in stacks], float)
        self.stacks: Sequence[Stack] = stacks
        self.shares = counts / counts.sum()

    def bucket(self, rng: np.random.Generator) -> Stack:
        """See ``data.Source``."""
        return self.stacks[rng.choice(len(self.stacks), p=self.shares)]


class PortraitSource(_Stacks[LatentPortraits]):
    """Single portraits, each with a prompt and the map of a kind drawn at random, or none."""

    def sample(self, bucket: LatentPortraits, rng: np.random.Generator) -> Sample:
        """See ``data.Source``."""
        portraits = bucket.portraits
        index = int(rng.integers(len(portraits)))
        controlled = rng.random() >= UNCONTROLLED
        kind = str(rng.choice(KINDS, p=list(SHARES.values()))) if controlled else ""
        frame = portraits.frames[index]
        control = truth_map(kind, portraits, index, rng) if kind else np.zeros_like(frame)
        return Sample(
            control=control[None],
            reference=frame,
            latents=bucket.latents[index][None],
            reference_latents=bucket.latents[index],
            weight=PART_WEIGHTS[portraits.parts[index]][None],
            caption=portraits.facts[index].prompt(rng),
            kind=kind,
            name=f"portrait {index}",
        )


class MapSource(_Stacks[Portraits]):
    """Single portraits as pixels, each with a prompt and its exact map of one kind.

    weights: how much an error on each part counts, as `PART_WEIGHTS`; None for the same everywhere.
    """

    def __init__(
        self, stacks: Sequence[Portraits], kind: str, weights: NDArray[np.float32] | None = None
    ) -> None:
        super().__init__(stacks)
        self.kind, self.weights = kind, weights

    def sample(self, bucket: Portraits, rng: np.random.Generator) -> Sample:
        """See ``data.Source``."""
        index = int(rng.integers(len(bucket)))
        frame, weights = bucket.frames[index], self.weights
        return Sample(
            frames=frame[None],
            reference=frame,
            control=truth_map(self.kind, bucket, index)[None],
            weight=None if weights is None else weights[bucket.parts[index]][None],
            caption=bucket.facts[index].prompt(rng),
            name=f"portrait {index}",
        )


def crops_of(stacks: Sequence[Portraits]) -> CropSource:
    """Square crops of the portraits, for the autoencoder."""
    return CropSource([_as_clips(stack) for stack in stacks], side=CROP)


@torch.no_grad()
def encode_portraits(vae: torch.nn.Module, portraits: Portraits) -> LatentPortraits:
    """The portraits with the middle of the posterior of each."""
    encoded: list[Tensor] = []
    for first in range(0, len(portraits), ENCODED):
        pixels = to_unit(torch.from_numpy(portraits.frames[first : first + ENCODED]))
        with torch.autocast("cpu", torch.bfloat16):
            encoded.append(vae.encode(pixels).latent_dist.mode().half())  # type: ignore[operator]
    return LatentPortraits(portraits=portraits, latents=torch.cat(encoded).numpy())


def _as_clips(portraits: Portraits) -> ClipStack:
    """Every portrait as a clip of one frame."""
    width, height = portraits.size
    return ClipStack(
        bucket=Bucket(width=width, height=height, share=1.0),
        names=tuple(f"portrait {index}" for index in range(len(portraits))),
        frames=portraits.frames[:, None],
        parts=portraits.parts[:, None],
        keypoints=portraits.keypoints[:, None],
        scores=portraits.scores[:, None],
        moving=1,
    )
