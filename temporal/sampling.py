"""Denoising a clip of any length in windows, over a `denoise` callable."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from temporal.errors import DivergenceError, WindowError
from temporal.windows import Window, coverage

Denoise = Callable[[Tensor, Tensor, Window], Tensor]
WindowsAt = Callable[[int], Sequence[Window]]
Jobs = Iterable[tuple[Tensor, Window]]
RunAll = Callable[[Denoise, Tensor, Jobs], Iterator[Tensor]]
OnStep = Callable[[int, Tensor, Tensor], Tensor | None]
OnWindow = Callable[[int, int], None]

FRAMES_AT_ONCE = 64  # that a scheduler steps together


def one_by_one(denoise: Denoise, timestep: Tensor, jobs: Jobs) -> Iterator[Tensor]:
    """Predict for the windows of a step in their order."""
    return (denoise(part, timestep, window) for part, window in jobs)


def sample(
    denoise: Denoise,
    latents: Tensor,
    *,
    scheduler: Any,
    windows: WindowsAt,
    start: int = 0,
    generator: torch.Generator | list[torch.Generator] | None = None,
    run_all: RunAll = one_by_one,
    on_step: OnStep | None = None,
    on_window: OnWindow | None = None,
) -> Tensor:
    """Denoise latents (B, F, C, h, w) over the scheduler's timesteps and return them.

    denoise(scaled window latents (B, f, C, h, w), timestep, window) gives the model's prediction;
    the windows' predictions are blended per frame, and the scheduler steps the whole clip at
    once. windows(step) are the windows of a step. start: steps that are done already.
    run_all: how the windows of one step are worked off. on_step(index, timestep, latents) may
    return other latents; on_window(done, total) reports progress. Raises DivergenceError.
    """
    steps = len(scheduler.timesteps)
    if start >= steps:
        return latents
    parts = _parts(scheduler, latents, start)
    scheduler = parts[0][1]
    done, total = 0, sum(len(windows(index)) for index in range(start, steps))
    noise = {"generator": generator} if _draws_noise(scheduler) else {}
    for index in range(start, steps):
        timestep, planned = scheduler.timesteps[index], windows(index)
        blend = _Blend(latents, planned)
        # Scaled when they are needed: a second clip of latents would be held through the step.
        jobs = (
            (scheduler.scale_model_input(latents[:, window.start : window.stop], timestep), window)
            for window in planned
        )
        for prediction in run_all(denoise, timestep, jobs):
            blend.add(prediction)
            done += 1
            if on_window is not None:
                on_window(done, total)
        for frames, part in parts:
            old = latents[:, frames]
            stepped = part.step(blend.result(frames), timestep, old, return_dict=False, **noise)
            blend.total[:, frames] = stepped[0]
        latents = blend.total.to(latents.dtype)
        _require_finite(latents, index, steps, timestep)
        if on_step is not None:
            latents = _replaced(latents, on_step(index, timestep, latents))
    return latents


def _parts(scheduler: Any, latents: Tensor, start: int) -> list[tuple[slice, Any]]:
    """The clip in parts, each with a scheduler that keeps the state of its steps.

    In one piece, the intermediate results of a step would take many times the clip's memory.
    """
    scheduler = copy.deepcopy(scheduler)
    if start:
        scheduler.set_begin_index(start)
    scheduler.scale_model_input(latents[:, :1], scheduler.timesteps[start])  # or a step complains
    return [
        (slice(first, first + FRAMES_AT_ONCE), copy.deepcopy(scheduler))
        for first in range(0, latents.shape[1], FRAMES_AT_ONCE)
    ]


class _Blend:
    """The weighted mean of what the windows of one step predict for each frame, in float32."""

    def __init__(self, latents: Tensor, windows: Sequence[Window]) -> None:
        shares = coverage(windows, latents.shape[1])
        if min(shares) <= 0:
            raise WindowError(f"no window gives a result for frame {shares.index(min(shares))}")
        self._shares = torch.tensor(shares, device=latents.device)
        self.total = torch.zeros_like(latents, dtype=torch.float32)
        self._waiting = iter(windows)

    def add(self, prediction: Tensor) -> None:
        """Take the prediction of the next window, (B, f, C, h, w)."""
        window = next(self._waiting)
        prediction = prediction.to(self.total.device, torch.float32)
        weights = torch.tensor(window.weights, device=self.total.device)[None, :, None, None, None]
        # `where` keeps a discarded result out even if it is not finite.
        part = torch.where(weights > 0, prediction * weights, 0.0)
        self.total[:, window.start : window.stop] += part

    def result(self, frames: slice) -> Tensor:
        """The blend of some of the clip's frames, (B, f, C, h, w)."""
        return self.total[:, frames] / self._shares[None, frames, None, None, None]


def _draws_noise(scheduler: Any) -> bool:
    return "generator" in inspect.signature(scheduler.step).parameters


def _replaced(latents: Tensor, other: Tensor | None) -> Tensor:
    return latents if other is None else other.to(latents)


def _require_finite(latents: Tensor, index: int, steps: int, timestep: Tensor) -> None:
    if all(torch.isfinite(part).all() for part in torch.split(latents, FRAMES_AT_ONCE, dim=1)):
        return
    finite = torch.isfinite(latents)
    bad = (~finite).any(dim=4).any(dim=3).any(dim=2).any(dim=0).nonzero().flatten().tolist()
    raise DivergenceError(
        f"latents became NaN or infinite in step {index + 1} of {steps} (timestep "
        f"{float(timestep):.4g}, frames {bad[:8]}). Half precision (fp16) overflowing is the usual "
        "cause: try bfloat16 or float32; otherwise lower the guidance or the control scale"
    )
