from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler
from torch import Tensor

from temporal.parallel import Lanes
from temporal.sampling import one_by_one, sample
from temporal.schedulers import SVD_EULER
from temporal.stepcache import StepCache, cached
from temporal.windows import Window, plan_windows

FRAMES, STEPS = 11, 12


def euler() -> Any:
    scheduler = EulerDiscreteScheduler(**SVD_EULER)
    scheduler.set_timesteps(STEPS)
    return scheduler


def planned(step: int) -> list[Window]:
    return plan_windows(FRAMES, 4, blend="shifted", step=step)


def overlapping(step: int) -> list[Window]:
    return plan_windows(FRAMES, 5, 2)


class Model:
    """A model that sees single frames, with how often and when it was called."""

    def __init__(self) -> None:
        self.calls: list[float] = []

    def __call__(self, latents: Tensor, timestep: Tensor, window: Window) -> Tensor:
        self.calls.append(float(timestep))
        return torch.tanh(2 * latents) + 0.1 * latents.mean()


def run(threshold: float, windows: Any = planned) -> tuple[Tensor, Model]:
    scheduler, model = euler(), Model()
    start = torch.randn(1, FRAMES, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    result = sample(
        model,
        start * scheduler.init_noise_sigma,
        scheduler=scheduler,
        windows=windows,
        run_all=StepCache(threshold, scheduler.timesteps),
    )
    return result, model


@pytest.mark.parametrize("windows", [planned, overlapping])
def test_threshold_zero_changes_no_bit(windows: Any) -> None:
    scheduler, model = euler(), Model()
    start = torch.randn(1, FRAMES, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    start = start * scheduler.init_noise_sigma
    plain = sample(model, start, scheduler=scheduler, windows=windows)
    result, called = run(0.0, windows)
    assert torch.equal(result, plain)
    assert called.calls == model.calls


@pytest.mark.parametrize("windows", [planned, overlapping])
def test_schedulers_that_scale_nothing_are_compared_with_what_was_seen(windows: Any) -> None:
    start = torch.randn(1, FRAMES, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    results = []
    for threshold in (0.0, 1e-6):
        scheduler = DDIMScheduler()
        scheduler.set_timesteps(STEPS)
        run_all = cached(one_by_one, threshold, scheduler)
        results.append(
            sample(Model(), start, scheduler=scheduler, windows=windows, run_all=run_all)
        )
    assert torch.equal(*results)


@pytest.mark.parametrize("windows", [planned, overlapping])
def test_more_is_left_out_and_lost_as_the_threshold_grows(windows: Any) -> None:
    exact, model = run(0.0, windows)
    calls, losses = [len(model.calls)], [0.0]
    for threshold in (0.05, 0.2):
        result, model = run(threshold, windows)
        calls.append(len(model.calls))
        losses.append(float((result - exact).norm() / exact.norm()))
    assert calls[0] > calls[1] > calls[2]
    assert 0 < losses[1] < losses[2] < 0.2


def test_first_and_last_steps_are_always_computed() -> None:
    _, model = run(1e9)
    times = euler().timesteps
    windows = [len(planned(0)), len(planned(STEPS - 1))]
    assert model.calls == [float(times[0])] * windows[0] + [float(times[-1])] * windows[1]


def test_a_window_is_computed_if_one_of_its_frames_is_new() -> None:
    model, times = Model(), torch.tensor([3.0, 2.0, 1.0, 0.0])
    cache = StepCache(0.5, times)
    clip = torch.ones(1, FRAMES, 1, 1, 1)
    early, late = plan_windows(8, 8)[0], plan_windows(FRAMES, 4, 2)[-1]
    for step, window in enumerate([early, late, late]):
        jobs = [(clip[:, window.start : window.stop], window)]
        list(cache(model, times[step], jobs))
    assert model.calls == [3.0, 2.0]
    assert (cache.asked, cache.computed) == (3, 2)


def test_change_adds_up_until_the_model_is_asked_again() -> None:
    model, times = Model(), torch.arange(9.0, -1.0, -1.0)
    cache, window = StepCache(0.25, times), plan_windows(2, 2)[0]
    for step in range(8):
        size = 1.1**step
        list(cache(model, times[step], [(torch.full((1, 2, 1, 1, 1), size), window)]))
    assert model.calls == [9.0, 6.0, 3.0]  # 1.1^2 - 1 is below the threshold, 1.1^3 - 1 above


def test_lanes_give_the_bits_of_one() -> None:
    scheduler, model = euler(), Model()
    start = torch.randn(1, FRAMES, 4, 3, 5, generator=torch.Generator().manual_seed(0))

    def predict(part: Tensor, timestep: Tensor, window: Window, prepared: None) -> Tensor:
        return model(part, timestep, window)

    with Lanes([predict] * 3, lambda timestep, window: None) as lanes:
        spread = sample(
            model,
            start * scheduler.init_noise_sigma,
            scheduler=scheduler,
            windows=overlapping,
            run_all=cached(lanes.run_all, 0.1, scheduler),
        )
    assert torch.equal(spread, run(0.1, overlapping)[0])


def test_discarded_slots_are_not_kept() -> None:
    def broken_first(latents: Tensor, timestep: Tensor, window: Window) -> Tensor:
        prediction = torch.tanh(latents)
        if window.start:
            prediction[:, 0] = float("nan")
        return prediction

    scheduler = euler()
    start = torch.randn(1, FRAMES, 4, 3, 5) * scheduler.init_noise_sigma
    result = sample(
        broken_first,
        start,
        scheduler=scheduler,
        windows=lambda step: plan_windows(FRAMES, 5, 2, blend="official"),
        run_all=cached(one_by_one, 0.2, scheduler),
    )
    assert result.isfinite().all()


def test_a_negative_threshold_is_refused() -> None:
    with pytest.raises(ValueError, match="got -1"):
        cached(one_by_one, -1.0, euler())
