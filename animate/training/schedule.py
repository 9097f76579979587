"""Learning rate over a run."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


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
        """Set the rate of every parameter group, times the factor it has in ``rate``, if any."""
        for group in optimizer.param_groups:
            group["lr"] = self.rate(step) * group.get("rate", 1.0)
