"""Optimizers and what they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from animate.errors import UsageError
from animate.training.settings import LoopSettings


def build_optimizer(
    module: nn.Module, rates: Mapping[str, float], settings: LoopSettings
) -> torch.optim.Optimizer:
    """AdamW over everything with requires_grad, grouped by factors on the learning rate.

    rates: see ``task.Task``. Raises UsageError if nothing is trained or bitsandbytes is missing.
    """
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            fitting = [beginning for beginning in rates if name.startswith(beginning)]
            factor = rates[max(fitting, key=len)] if fitting else 1.0
            groups.setdefault(factor, []).append(parameter)
    if not groups:
        raise UsageError("nothing is to be trained: choose a method, or weights of the base")
    options: dict[str, Any] = {
        "lr": settings.rate,
        "betas": (settings.beta1, settings.beta2),
        "weight_decay": settings.weight_decay,
    }
    listed = [{"params": params, "rate": factor} for factor, params in sorted(groups.items())]
    if settings.optimizer == "adamw8bit":
        return _eight_bit(listed, options)
    return torch.optim.AdamW(listed, **options)


def _eight_bit(groups: list[dict[str, Any]], options: dict[str, Any]) -> torch.optim.Optimizer:
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError as error:
        raise UsageError(
            "optimizer adamw8bit needs bitsandbytes: pip install bitsandbytes, or use "
            "loop.optimizer=adamw"
        ) from error
    optimizer: torch.optim.Optimizer = AdamW8bit(groups, **options)
    return optimizer
