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
    once. windows(step) are the windows of a step. start: steps that are done already. generator:
    of the scheduler's noise, if it adds any; on its device the scheduler then works.
    run_all: how the windows of one step are worked off. on_step(index, timestep, latents) may
    return other latents; those it sees are changed by the next step, so it clones what it keeps.
    on_window(done, total) reports progress. Raises DivergenceError.
    """
    steps = len(scheduler.timesteps)
    if start >= steps:
        return latents
    latents = latents.clone()  # from here on changed in place
    parts = _parts(scheduler, latents, start)
    last = parts[-1][1]  # the only one that is in this step until the end of it
    done, total = 0, sum(len(windows(index)) for index in range(start, steps))
    noise = {"generator": generator} if _draws_noise(scheduler) else {}
    place = _device_of(generator) if noise else None
    for index in range(start, steps):
        timestep, planned = scheduler.timesteps[index], windows(index)
        blend = _Blend(latents, planned, [frames for frames, _ in parts])
        # Scaled when they are needed: a second clip of latents would be held through the step.
        jobs = (
            (last.scale_model_input(latents[:, window.start : window.stop], timestep), window)
            for window in planned
        )
        waiting = iter(parts)
        for prediction in run_all(denoise, timestep, jobs):
            for blended in blend.add(prediction):
                frames, part = next(waiting)
                old = latents[:, frames].clone().to(place)  # which some schedulers keep
                told = (blended.to(place), timestep, old)
                stepped = part.step(*told, return_dict=False, **noise)[0]
                _require_finite(stepped, frames.start, index, steps, timestep)
                latents[:, frames] = stepped
            done += 1
            if on_window is not None:
                on_window(done, total)
        other = None if on_step is None else on_step(index, timestep, latents)
        if other is not None:
            latents.copy_(other)  # not taken over: it is the caller's, and may be kept
    return latents


def _parts(scheduler: Any, latents: Tensor, start: int) -> list[tuple[slice, Any]]:
    """The clip in parts, each with a scheduler that keeps the state of its steps.

    A part is stepped when the windows have passed it: memory for what happens in a step does not
    grow with the clip.
    """
    scheduler = copy.deepcopy(scheduler)
    if start and hasattr(scheduler, "set_begin_index"):  # others go by the timestep alone
        scheduler.set_begin_index(start)
    scheduler.scale_model_input(latents[:, :1], scheduler.timesteps[start])  # or a step complains
    frames = latents.shape[1]
    return [
        (slice(first, min(first + FRAMES_AT_ONCE, frames)), copy.deepcopy(scheduler))
        for first in range(0, frames, FRAMES_AT_ONCE)
    ]


class _Blend:
    """The weighted mean of what the windows of one step predict for each frame, in float32.

    parts: stretches that cover the clip in order; each is given when no window is to come for it.
    """

    def __init__(self, latents: Tensor, windows: Sequence[Window], parts: list[slice]) -> None:
        shares = coverage(windows, latents.shape[1])
        if min(shares) <= 0:
            raise WindowError(f"no window gives a result for frame {shares.index(min(shares))}")
        self._shares = torch.tensor(shares, device=latents.device)
        self._latents = latents
        self._windows = list(windows)
        self._parts = parts
        self._totals: dict[int, Tensor] = {}  # start of a part -> sum of its predictions

    def add(self, prediction: Tensor) -> Iterator[Tensor]:
        """Take the prediction of the next window; yield the parts that are complete by it.

        Both are (B, f, C, h, w).
        """
        window = self._windows.pop(0)
        prediction = prediction.to(self._latents.device, torch.float32)
        weights = torch.tensor(window.weights, device=prediction.device)[None, :, None, None, None]
        # `where` keeps a discarded result out even if it is not finite.
        weighted = torch.where(weights > 0, prediction * weights, 0.0)
        for part in self._parts:
            first, last = max(part.start, window.start), min(part.stop, window.stop)
            if first < last:
                total = self._total(part)
                total[:, first - part.start : last - part.start] += weighted[
                    :, first - window.start : last - window.start
                ]
        reach = min((left.start for left in self._windows), default=self._latents.shape[1])
        while self._parts and self._parts[0].stop <= reach:
            part = self._parts.pop(0)
            yield self._totals.pop(part.start) / self._shares[None, part, None, None, None]

    def _total(self, part: slice) -> Tensor:
        if part.start not in self._totals:
            like = self._latents[:, part]
            self._totals[part.start] = torch.zeros_like(like, dtype=torch.float32)
        return self._totals[part.start]


def _draws_noise(scheduler: Any) -> bool:
    return "generator" in inspect.signature(scheduler.step).parameters


def _device_of(generator: torch.Generator | list[torch.Generator] | None) -> torch.device | None:
    first = generator[0] if isinstance(generator, list) else generator
    return None if first is None else first.device


def _require_finite(latents: Tensor, first: int, index: int, steps: int, timestep: Tensor) -> None:
    """Raise DivergenceError with step and frames, the first of which has the number `first`."""
    finite = torch.isfinite(latents)
    if finite.all():
        return
    bad = (~finite).any(dim=4).any(dim=3).any(dim=2).any(dim=0).nonzero().flatten() + first
    raise DivergenceError(
        f"latents became NaN or infinite in step {index + 1} of {steps} (timestep "
        f"{float(timestep):.4g}, frames {bad.tolist()[:8]}). Half precision (fp16) overflowing is "
        "the usual cause: try bfloat16 or float32; otherwise lower the guidance or the control "
        "scale"
    )
