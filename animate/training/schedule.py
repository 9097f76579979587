"""Learning rate over a run, and a run's resumable state on disk."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

Report = Callable[[int, int, float], None]  # step, steps, loss


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Linear warm-up, then a half cosine from ``peak`` to ``peak * floor``."""

    steps: int
    peak: float
    warm_up: int = 100
    floor: float = 0.05

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        ramp = min(1.0, (step + 1) / max(1, self.warm_up))
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(1, self.steps))))
        return self.peak * ramp * (self.floor + (1 - self.floor) * fall)

    def apply(self, optimizer: torch.optim.Optimizer, step: int) -> None:
        """Set the rate of every parameter group."""
        for group in optimizer.param_groups:
            group["lr"] = self.rate(step)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a run's state whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    os.replace(partial, path)


def load_state(path: Path) -> dict[str, Any] | None:
    """Read a state written by ``save_state``; None if there is none. Never unpickles objects."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
