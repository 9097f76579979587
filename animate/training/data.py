"""What training is fed with: samples, where they come from, and batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from animate.errors import AnimateError

# What a batch stacks of its samples, where all of them have it; of weights, where one has.
STACKED = (
    "control",
    "reference",
    "reference_control",
    "drafts",
    "frames",
    "latents",
    "reference_latents",
    "weight",
)


class SampleError(AnimateError):
    """A sample cannot be read; the loop counts it, leaves it out and draws another."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One clip of F frames, or one picture (F = 1), with what it is to be made from.

    control (F, H, W, 3) uint8; reference (H, W, 3) uint8, another picture of the same character,
    and reference_control likewise, its own control map, None if unknown; drafts (F, H, W, 3)
    uint8, the reference bent into each frame's pose (see ``pose.puppet``), None for none;
    one of frames (F, H, W, 3) uint8 and latents (F, c, h, w) float16, the latter together with
    reference_latents (c, h, w). weight (F, H, W) float32: how much an error on a pixel counts;
    None for the same everywhere. kind: of the control map, where a source has several, "" for none.
    name: the file, for messages.
    """

    control: NDArray[np.uint8]
    reference: NDArray[np.uint8]
    reference_control: NDArray[np.uint8] | None = None
    drafts: NDArray[np.uint8] | None = None
    frames: NDArray[np.uint8] | None = None
    latents: NDArray[np.float16] | None = None
    reference_latents: NDArray[np.float16] | None = None
    weight: NDArray[np.float32] | None = None
    caption: str = ""
    kind: str = ""
    name: str = ""


class Source(Protocol):
    """An endless supply of samples. Whatever it draws, it draws from the generator it is given,
    so that the same generator always gives the same sample."""

    def bucket(self, rng: np.random.Generator) -> Any:
        """Draw what all samples of one step share, such as the picture size."""

    def sample(self, bucket: Any, rng: np.random.Generator) -> Sample:
        """Draw one sample. Raises SampleError for a broken one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """B samples, stacked as they came: pixels stay bytes until they are on their device.

    frames, control and drafts (B, F, H, W, 3), reference and reference_control (B, H, W, 3),
    all uint8;
    latents (B, F, c, h, w), reference_latents (B, c, h, w) half precision; weight (B, F, H, W).
    skipped: names of broken samples that were replaced.
    """

    control: Tensor
    reference: Tensor
    reference_control: Tensor | None = None
    drafts: Tensor | None = None
    frames: Tensor | None = None
    latents: Tensor | None = None
    reference_latents: Tensor | None = None
    weight: Tensor | None = None
    captions: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.control)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        tensors: dict[str, Any] = {
            field.name: value.to(device, non_blocking=True)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(self, **tensors)


def stack(samples: Sequence[Sample], skipped: Sequence[str] = ()) -> Batch:
    """Make a batch of samples of one bucket. Raises ValueError if their shapes differ."""
    tensors: dict[str, Tensor] = {}
    for name in STACKED:
        arrays = [getattr(sample, name) for sample in samples]
        if name == "weight" and any(array is not None for array in arrays):
            arrays = [_weight_of(sample) for sample in samples]
        if all(array is not None for array in arrays):
            tensors[name] = torch.from_numpy(np.stack(arrays))
    return Batch(
        **tensors,
        captions=tuple(sample.caption for sample in samples),
        kinds=tuple(sample.kind for sample in samples),
        names=tuple(sample.name for sample in samples),
        skipped=tuple(skipped),
    )


def _weight_of(sample: Sample) -> NDArray[np.float32]:
    """A sample's own weight, or the same everywhere."""
    if sample.weight is not None:
        return sample.weight
    return np.ones(sample.control.shape[:3], np.float32)


def to_unit(pixels: Tensor) -> Tensor:
    """Pictures ``(..., H, W, 3)`` uint8 as ``(..., 3, H, W)`` in [-1, 1]."""
    return to_share(pixels) * 2 - 1


def to_share(pixels: Tensor) -> Tensor:
    """Pictures ``(..., H, W, 3)`` uint8 as ``(..., 3, H, W)`` in [0, 1]."""
    return rearrange(pixels, "... h w c -> ... c h w").float() / 255
