"""Leaving out model calls in steps in which the model would see almost what it has seen before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from temporal.sampling import Denoise, Jobs, RunAll, one_by_one
from temporal.windows import Window


class StepCache:
    """A `RunAll` that answers for a window from earlier predictions while its input stays alike.

    As in TeaCache (arXiv 2411.19108), the model's input tells: a window is left out if the input
    of none of its frames has changed by more than `threshold`, relative to its size, since the
    model last saw that frame; 0 leaves nothing out. The first and the last of `timesteps` are
    always computed. Inputs and predictions are kept per frame, so windows may move between steps,
    and cost two clips of latents. run_all: works off the windows that are not left out.

    Predictions of v are repeated as they are: turning them to the present noise level, which is
    exact for a model that knows the clean clip, measured no better.
    """

    def __init__(
        self,
        threshold: float,
        timesteps: Sequence[float] | Tensor,
        *,
        run_all: RunAll = one_by_one,
    ) -> None:
        times = [float(timestep) for timestep in timesteps]
        self.threshold = threshold
        self.asked = self.computed = 0  # windows so far
        self._run_all = run_all
        self._always = {times[0], times[-1]}
        self._frames: dict[int, _Kept] = {}

    def __call__(self, denoise: Denoise, timestep: Tensor, jobs: Jobs) -> Iterator[Tensor]:
        """Yield the predictions (B, f, C, h, w) in window order."""
        now = float(timestep)
        planned = list(jobs)  # views of the clip
        # Decided on what is known before the step, so that the order of work cannot matter.
        left_out = [self._is_alike(now, part, window) for part, window in planned]
        fresh = _Step()
        pending = [job for job, alike in zip(planned, left_out, strict=True) if not alike]
        predictions = self._run_all(denoise, timestep, iter(pending))
        for (part, window), alike in zip(planned, left_out, strict=True):
            self.asked += 1
            if alike:
                frames = range(window.start, window.stop)
                yield torch.stack([self._frames[frame].said for frame in frames], dim=1)
                continue
            self.computed += 1
            prediction = next(predictions)
            fresh.add(part, prediction, window)
            yield prediction
        self._frames.update(fresh.result())

    def _is_alike(self, now: float, part: Tensor, window: Window) -> bool:
        if now in self._always:
            return False
        kept = [self._frames.get(frame) for frame in range(window.start, window.stop)]
        return all(
            one is not None and one.change(part[:, slot]) < self.threshold
            for slot, one in enumerate(kept)
        )


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What the model last saw and said of one frame, (B, C, h, w) each."""

    seen: Tensor
    said: Tensor

    def change(self, sees: Tensor) -> float:
        """Distance of an input from the one seen, relative to that one's size."""
        return float(torch.dist(sees.float(), self.seen) / self.seen.norm())


class _Step:
    """What the model sees and says in one step: per frame, the weighted mean over windows."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[Tensor, float]] = {}  # frame -> weighted sum, weights
        self._seen: dict[int, Tensor] = {}

    def add(self, part: Tensor, prediction: Tensor, window: Window) -> None:
        """Take a window's input and prediction (B, f, C, h, w); discarded slots do not count."""
        prediction = prediction.to(part.device, torch.float32)
        for slot, weight in enumerate(window.weights):
            if weight <= 0:
                continue
            frame, said = window.start + slot, prediction[:, slot] * weight
            before, weights = self._said.get(frame, (torch.zeros_like(said), 0.0))
            self._said[frame] = before + said, weights + weight
            # A copy: where a scheduler scales nothing, this is the clip, which goes on to change.
            self._seen[frame] = part[:, slot].float().clone()

    def result(self) -> dict[int, _Kept]:
        return {
            frame: _Kept(seen=self._seen[frame], said=total / weights)
            for frame, (total, weights) in self._said.items()
        }


def cached(run_all: RunAll, threshold: float, scheduler: Any) -> RunAll:
    """Return `run_all` with a step cache for a scheduler whose timesteps are set; 0 is without."""
    if not threshold >= 0:
        raise ValueError(f"the step cache's threshold must be 0 or more, got {threshold}")
    if threshold == 0:
        return run_all
    return StepCache(threshold, scheduler.timesteps, run_all=run_all)
