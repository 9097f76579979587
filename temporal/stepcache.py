"""Leaving out model calls in steps in which the model would see almost what it has seen before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
    and cost two clips of latents. angles: of every timestep; see `noise_angles`. With them a kept
    prediction is turned to the present noise level, without them it is repeated.
    run_all: works off the windows that are not left out.
    """

    def __init__(
        self,
        threshold: float,
        timesteps: Sequence[float] | Tensor,
        *,
        angles: Sequence[float] | Tensor | None = None,
        run_all: RunAll = one_by_one,
    ) -> None:
        times = [float(timestep) for timestep in timesteps]
        self.threshold = threshold
        self.asked = self.computed = 0  # windows so far
        self._run_all = run_all
        self._always = {times[0], times[-1]}
        self._angles = {}
        if angles is not None:
            self._angles = dict(zip(times, map(float, angles), strict=True))
        self._frames: dict[int, _Kept] = {}

    def __call__(self, denoise: Denoise, timestep: Tensor, jobs: Jobs) -> Iterator[Tensor]:
        """Yield the predictions (B, f, C, h, w) in window order."""
        now = float(timestep)
        planned = list(jobs)  # views of the clip
        # Decided on what is known before the step, so that the order of work cannot matter.
        left_out = [self._is_alike(now, part, window) for part, window in planned]
        known, fresh = dict(self._frames), _Step(self._angles.get(now, 0.0))
        pending = [job for job, alike in zip(planned, left_out, strict=True) if not alike]
        predictions = self._run_all(denoise, timestep, iter(pending))
        for (part, window), alike in zip(planned, left_out, strict=True):
            self.asked += 1
            if alike:
                frames = (known[window.start + slot] for slot in range(len(window)))
                yield torch.stack([kept.turned(fresh.angle) for kept in frames], dim=1)
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


class _Kept:
    """What the model last saw and said of one frame: (B, C, h, w) each, and the noise angle."""

    def __init__(self, seen: Tensor, said: Tensor, angle: float) -> None:
        self.seen, self.said, self.angle = seen, said, angle

    def change(self, sees: Tensor) -> float:
        """Distance of an input from the one seen, relative to that one's size."""
        return float(torch.dist(sees.float(), self.seen) / self.seen.norm())

    def turned(self, angle: float) -> Tensor:
        """The prediction at another noise angle, if clean frame and noise were as predicted.

        v = cos(a) noise - sin(a) clean and input = cos(a) clean + sin(a) noise (EDM's input and
        v-prediction at data variance 1, tan(a) = sigma), so v(a + d) = cos(d) v - sin(d) input.
        """
        by = angle - self.angle
        return math.cos(by) * self.said - math.sin(by) * self.seen if by else self.said


class _Step:
    """What the model sees and says in one step: per frame, the weighted mean over windows."""

    def __init__(self, angle: float) -> None:
        self.angle = angle
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
            self._seen[frame] = part[:, slot].float()

    def result(self) -> dict[int, _Kept]:
        return {
            frame: _Kept(self._seen[frame].clone(), total / weights, self.angle)
            for frame, (total, weights) in self._said.items()
        }


def cached(run_all: RunAll, threshold: float, scheduler: Any) -> RunAll:
    """Return `run_all` with a step cache for a scheduler whose timesteps are set; 0 is without."""
    if not threshold >= 0:
        raise ValueError(f"the step cache's threshold must be 0 or more, got {threshold}")
    if threshold == 0:
        return run_all
    angles = noise_angles(scheduler)
    return StepCache(threshold, scheduler.timesteps, angles=angles, run_all=run_all)


def noise_angles(scheduler: Any) -> Tensor | None:
    """Return atan(sigma) of every timestep of a scheduler, or None where v does not turn by it."""
    config, steps = scheduler.config, len(scheduler.timesteps)
    predicts_v = config.get("prediction_type", "v_prediction") == "v_prediction"
    sigmas = getattr(scheduler, "sigmas", ())
    if not predicts_v or config.get("sigma_data", 1.0) != 1.0 or len(sigmas) < steps:
        return None
    return torch.atan(torch.as_tensor(sigmas, dtype=torch.float64)[:steps])
