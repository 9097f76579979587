"""Weights of the golden fixtures, rebuilt from names and seeds instead of stored."""

from __future__ import annotations

import zlib
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from golden.report import Row

Module = TypeVar("Module", bound=nn.Module)
SUM_TOLERANCE = 1e-9  # of the summed magnitudes; float64 sums differ by their order only


@torch.no_grad()
def rebuild(module: Module, seed: int) -> Module:
    """Fill a module's floating-point tensors by the recipe and switch it to evaluation."""
    for key, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(_values(key, tensor.shape, seed))
    return module.eval()


def check_rebuilt(name: str, module: nn.Module, expected: dict[str, Any]) -> Row:
    """Compare a rebuilt module with the counts and sums that the manifest gives."""
    tensors = [t for t in module.state_dict().values() if t.is_floating_point()]
    counts = (len(tensors), sum(t.numel() for t in tensors))
    wanted = (expected["tensors"], expected["elements"])
    if counts != wanted:
        return Row(name=name, ok=False, note=f"{counts} tensors, elements instead of {wanted}")
    total = sum(float(t.double().sum()) for t in tensors)
    size = sum(float(t.double().abs().sum()) for t in tensors)
    difference = max(abs(total - expected["sum"]), abs(size - expected["abs_sum"])) / size
    return Row(
        name=name, ok=difference <= SUM_TOLERANCE, difference=difference, limit=SUM_TOLERANCE
    )


def _values(key: str, shape: torch.Size, seed: int) -> Tensor:
    generator = torch.Generator("cpu").manual_seed((zlib.crc32(key.encode()) + seed) % 2**32)
    random = torch.randn(shape, generator=generator, dtype=torch.float32)
    if len(shape) >= 2:
        return random * (random.numel() / shape[0]) ** -0.5
    if len(shape) == 1:
        return 1 + 0.1 * random if key.endswith(".weight") else 0.1 * random
    return 0.8 + 0.1 * random
