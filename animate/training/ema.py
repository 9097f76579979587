"""An exponential moving average of weights, which is what gets exported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from animate.training.sharding import put, whole


class Ema:
    """Running average of a module's trained parameters; the decay warms up over the first steps.

    decay(step) = min(limit, (1 + step) / (20 + step)), so that early averages are not dominated by
    the random start. With a limit of 0 the average is the latest weights. Averages are float32
    whatever the weights are, as DeepSpeed's may be halves: small steps would be lost in them.
    """

    def __init__(self, module: nn.Module, limit: float) -> None:
        self.limit = limit
        self._parameters = {n: p for n, p in module.named_parameters() if p.requires_grad}
        self.average = {name: p.detach().clone().float() for name, p in self._parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average towards the weights."""
        weight = 1 - min(self.limit, (1 + step) / (20 + step))
        now = [parameter.detach().float() for parameter in self._parameters.values()]
        torch._foreach_lerp_(list(self.average.values()), now, weight)

    @torch.no_grad()
    def copy_to_module(self) -> None:
        """Overwrite the weights with the average."""
        for name, parameter in self._parameters.items():
            parameter.copy_(self.average[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The module has the averaged weights inside, its own again afterwards."""
        own = {name: p.detach().clone() for name, p in self._parameters.items()}
        self.copy_to_module()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, parameter in self._parameters.items():
                    parameter.copy_(own[name])

    def gathered(self) -> Iterator[tuple[str, Tensor]]:
        """The average by parameter name, each tensor whole; all processes must go through."""
        for name, value in self.average.items():
            yield name, whole(value)

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what was gathered."""
        for name, value in self.average.items():
            put(value, state[name])
