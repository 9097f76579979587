"""New values for some of a model's weights: put in, and taken out again bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from temporal.errors import CheckpointError
from temporal.keys import compare_keys
from temporal.removable import Removable

# Values of a finetuned model project onto those of its base with a factor near 1, differences
# between the two with a factor near 0.
VALUES_SHARE = 0.5


class Patch(Removable):
    """Tensors loaded into a module by name, full values or increments (differences).

    A file may hold part of the module's tensors; unknown and misshapen ones raise CheckpointError
    before anything is changed. Increments are added in float32. keep: remember the originals, so
    that `remove` (or leaving a `with`) restores them; several patches come out in reverse order.
    """

    def __init__(
        self,
        module: nn.Module,
        tensors: Mapping[str, Tensor],
        *,
        increments: bool = False,
        source: str | Path = "the file",
        keep: bool = True,
    ) -> None:
        own = module.state_dict()  # shares memory with the module's tensors
        report = compare_keys(own, tensors)
        if problems := report.problems(partial=True):
            raise CheckpointError(f"{source} does not fit {type(module).__name__}: {problems}")
        if not tensors:
            raise CheckpointError(f"{source} holds no tensors")
        self.names, self.total, self.increments = report.fitting, report.total, increments
        self._own = {name: own[name] for name in self.names}
        self._originals = (
            {name: tensor.clone() for name, tensor in self._own.items()} if keep else None
        )
        with torch.no_grad():
            for name, tensor in self._own.items():
                new = tensors[name].to(tensor.device)
                tensor.copy_(tensor.float() + new.float() if increments else new)

    def remove(self) -> None:
        """Give every weight the value it had before; may be called twice."""
        if self._originals is None:
            raise CheckpointError("the original weights were not kept; load the model again")
        with torch.no_grad():
            for name, original in self._originals.items():
                self._own[name].copy_(original)
        self._originals = {}

    def __str__(self) -> str:
        kind = "increments of" if self.increments else "values of"
        return f"{kind} {len(self.names)} of {self.total} tensors"


def difference(tuned: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the increments from base to tuned, float32, of the tensors that are not equal.

    Added to the base they give the tuned weights: exactly where both have half precision, else to
    within one rounding of float32.
    """
    return {
        name: tensor.float() - base[name].float() for name, tensor in changed(tuned, base).items()
    }


def changed(tuned: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of `tuned` that differ from the base's. Raises CheckpointError."""
    report = compare_keys(base, tuned)
    if problems := report.problems(partial=True):
        raise CheckpointError(f"the weights do not belong to this base: {problems}")
    return {
        name: tensor
        for name, tensor in tuned.items()
        if not torch.equal(tensor, base[name].to(tensor.dtype))
    }


def are_increments(tensors: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> bool:
    """Tell differences from values by comparing with the base they are meant for.

    Measured is the projection of the tensors of at least two dimensions (of all, if there are
    none) onto the base's, sum(t * b) / sum(b * b).
    """
    shared = [name for name in tensors if name in base and tensors[name].shape == base[name].shape]
    names = [name for name in shared if tensors[name].ndim > 1] or shared
    products = squares = 0.0
    for name in names:
        own = base[name].float()
        products += float((tensors[name].float() * own).sum())
        squares += float(own.square().sum())
    return squares > 0 and products / squares < VALUES_SHARE
