"""The smallest thing to train: a linear map, on pictures of noise."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from animate.training.__main__ import leave
from animate.training.data import Batch, Sample, SampleError, to_share
from animate.training.loop import train
from animate.training.settings import LoopSettings
from animate.training.task import Generators, randn

SETTINGS = LoopSettings(steps=6, batch=2, rate=0.05, warm_up=2, save_every=2, device="cpu", ema=0.5)
PATIENCE_FILE = "patience.txt"  # how long a process waits for another


class NoiseSource:
    """Pictures of 2 x 2 pixels; ``broken``: the share that cannot be read."""

    def __init__(self, broken: float = 0.0) -> None:
        self.broken = broken

    def bucket(self, rng: np.random.Generator) -> Any:
        return rng.integers(1, 3)

    def sample(self, bucket: Any, rng: np.random.Generator) -> Sample:
        number = int(rng.integers(1000))
        if rng.random() < self.broken:
            raise SampleError(f"clip{number}.mp4: cut off")
        picture = rng.integers(0, 256, (bucket, 2, 2, 3)).astype(np.uint8)
        return Sample(control=picture, reference=picture[0], name=f"clip{number}.mp4")


class LinearTask:
    """Learns to brighten pictures; ``poison``: name of the sample whose loss is not a number."""

    def __init__(self, poison: str = "") -> None:
        torch.manual_seed(0)
        self.module: nn.Module = nn.ModuleDict({"map": nn.Linear(3, 3), "fixed": nn.Linear(3, 3)})
        self.module["fixed"].requires_grad_(False)  # type: ignore[index]
        self.rates: Mapping[str, float] = {"map.bias": 2.0}
        self.poison = poison
        self.place_called = False

    def place(self, device: torch.device) -> None:
        self.place_called = True

    def loss(self, batch: Batch, rng: Generators) -> Tensor:
        pixels = to_share(batch.control).movedim(2, -1)
        noisy = pixels + 0.1 * randn(pixels, rng)
        error = (self.module["map"](noisy) - pixels - 0.2) ** 2  # type: ignore[index]
        return error.mean() * (float("nan") if self.poison in (*batch.names,) else 1.0)

    def export(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        torch.save(dict(weights), folder / "weights.pt")

    def notes(self) -> Sequence[str]:
        return []


if __name__ == "__main__":  # one of two processes that share a run
    out = Path(sys.argv[1])

    def note_patience(step: int, steps: int, loss: float) -> None:
        group: Any = torch.distributed.group.WORLD
        options = group._get_backend(torch.device("cpu")).options
        (out / PATIENCE_FILE).write_text(str(options._timeout))

    settings = replace(SETTINGS, steps=4)
    train(LinearTask(), NoiseSource(), settings, out, report=note_patience)
    leave(0)
