"""What a training run must know of the thing it trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from animate.training.data import Batch

# One generator a sample, on the CPU, seeded by seed, step and the sample's place in the batch of
# all processes: what is drawn does not depend on how many processes share the work.
Generators = Sequence[torch.Generator]


class Task(Protocol):
    """Something to train: its weights, its loss and its files.

    module: everything that is trained, in named submodules; parameters with requires_grad False
    are left alone and kept out of checkpoints. rates: factors on the learning rate by beginnings
    of parameter names, the longest that fits; 1 for the rest.
    """

    module: nn.Module
    rates: Mapping[str, float]

    def place(self, device: torch.device) -> None:
        """Move the parts that are not trained."""

    def loss(self, batch: Batch, rng: Generators) -> Tensor:
        """The mean loss of a batch; all chance comes from ``rng``."""

    def export(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write what a user needs into an empty folder; ``weights``: the module's state dict."""

    def notes(self) -> Sequence[str]:
        """What there is to say about the files written."""


class Exporter(Protocol):
    """Writes a task's files, see ``Task.export``, and keeps notes about them."""

    notes: list[str]

    def __call__(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write into an empty folder."""


class Preview(Protocol):
    """Looks at a run from time to time: writes pictures or clips, returns figures by name."""

    def __call__(self, folder: Path) -> Mapping[str, float]:
        """Called with the averaged weights in place."""


def randn(like: Tensor, rng: Generators) -> Tensor:
    """Unit normal noise for ``like`` ``(B, ...)``, each sample from its own generator."""
    drawn = [torch.randn(like.shape[1:], generator=one) for one in rng]
    return torch.stack(drawn).to(like.device)


def rand(rng: Generators, device: torch.device | str = "cpu") -> Tensor:
    """A number in [0, 1) for each sample, ``(B,)``."""
    return torch.stack([torch.rand((), generator=one) for one in rng]).to(device)


def kept(share_dropped: float, rng: Generators, device: torch.device | str = "cpu") -> Tensor:
    """``(B,)`` of ones, and zeros for the share of samples that must do without something."""
    return (rand(rng, device) >= share_dropped).float()


def own_precision(module: nn.Module) -> AbstractContextManager[Any]:
    """Leave a module its own number format where a run computes in halves.

    For autoencoders that are not trained: those of SDXL and SVD overflow in fp16.
    """
    return torch.autocast(next(module.parameters()).device.type, enabled=False)
