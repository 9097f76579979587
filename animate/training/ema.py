"""An exponential moving average of weights, which is what gets shipped."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Ema:
    """Running average of a module's floating-point state; the decay warms up over the first steps.

    decay(step) = min(limit, (1 + step) / (20 + step)), so that early averages are not dominated by
    the random start.
    """

    def __init__(self, module: nn.Module, limit: float) -> None:
        self.limit = limit
        self.average = {
            name: value.detach().clone()
            for name, value in module.state_dict().items()
            if value.is_floating_point()
        }

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move the average towards the module's weights."""
        state = module.state_dict()
        weight = 1 - min(self.limit, (1 + step) / (20 + step))
        names = list(self.average)
        torch._foreach_lerp_([self.average[n] for n in names], [state[n] for n in names], weight)

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Overwrite the module's weights with the average."""
        state = module.state_dict()
        for name, value in self.average.items():
            state[name].copy_(value)

    def state_dict(self) -> dict[str, Tensor]:
        """The average by parameter name."""
        return self.average

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a saved average."""
        for name, value in self.average.items():
            value.copy_(state[name])
