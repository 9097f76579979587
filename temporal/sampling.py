"""Denoising a clip of any length in windows, over a `denoise` callable."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from temporal.errors import DivergenceError, WindowError
from temporal.windows import Window, coverage

Denoise = Callable[[Tensor, Tensor, Window], Tensor]
OnStep = Callable[[int, Tensor, Tensor], Tensor | None]
OnWindow = Callable[[int, int], None]


def sample(
    denoise: Denoise,
    latents: Tensor,
    *,
    scheduler: Any,
    windows: Sequence[Window],
    device: torch.device | str | None = None,
    on_step: OnStep | None = None,
    on_window: OnWindow | None = None,
) -> Tensor:
    """Denoise latents (B, F, C, h, w) over the scheduler's timesteps and return them.

    denoise(scaled window latents (B, f, C, h, w), timestep, window) gives the model's prediction.
    Windows are computed on `device`; the clip stays where it is. on_step(index, timestep, latents)
    may return other latents; on_window(done, total) reports progress. Raises DivergenceError.
    """
    uncovered = coverage(windows, latents.shape[1])
    if min(uncovered) <= 0:
        raise WindowError(f"no window gives a result for frame {uncovered.index(min(uncovered))}")
    device = device or latents.device
    # Every window takes complete scheduler steps of its own, so each has its own step state.
    schedulers = [copy.deepcopy(scheduler) for _ in windows]
    steps = len(scheduler.timesteps)
    for index, timestep in enumerate(scheduler.timesteps):
        total = torch.zeros_like(latents, dtype=torch.float32)
        weight = torch.zeros(latents.shape[1], dtype=torch.float32, device=latents.device)
        for number, (window, own) in enumerate(zip(windows, schedulers, strict=True)):
            part = latents[:, window.start : window.stop].to(device)
            stepped = _step(denoise, part, timestep, window, own).to(latents.device)
            shares = torch.tensor(window.weights, device=latents.device)
            weight[window.start : window.stop] += shares
            # `where` keeps a discarded result out even if it is not finite.
            shares = shares[None, :, None, None, None]
            total[:, window.start : window.stop] += torch.where(shares > 0, stepped * shares, 0.0)
            if on_window is not None:
                on_window(index * len(windows) + number + 1, steps * len(windows))
        latents = (total / weight[None, :, None, None, None]).to(latents.dtype)
        _require_finite(latents, index, steps, timestep)
        if on_step is not None:
            latents = _replaced(latents, on_step(index, timestep, latents))
    return latents


def _step(denoise: Denoise, part: Tensor, timestep: Tensor, window: Window, own: Any) -> Tensor:
    prediction = denoise(own.scale_model_input(part, timestep), timestep, window)
    stepped: Tensor = own.step(prediction, timestep, part, return_dict=False)[0]
    return stepped


def _replaced(latents: Tensor, other: Tensor | None) -> Tensor:
    return latents if other is None else other.to(latents)


def _require_finite(latents: Tensor, index: int, steps: int, timestep: Tensor) -> None:
    finite = torch.isfinite(latents)
    if finite.all():
        return
    bad = (~finite).any(dim=4).any(dim=3).any(dim=2).any(dim=0).nonzero().flatten().tolist()
    raise DivergenceError(
        f"latents became NaN or infinite in step {index + 1} of {steps} (timestep "
        f"{float(timestep):.4g}, frames {bad[:8]}). Half precision (fp16) overflowing is the usual "
        "cause: try bfloat16 or float32; otherwise lower the guidance or the control scale"
    )
