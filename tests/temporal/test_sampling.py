from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
)
from torch import Tensor

from temporal.errors import DivergenceError, WindowError
from temporal.sampling import sample
from temporal.windows import Window, plan_windows

FRAMES, STEPS = 11, 3


def always(frames: int, window: int, overlap: int, blend: Any = "weighted") -> Any:
    """The same windows in every step."""
    planned = plan_windows(frames, window, overlap, blend=blend)
    return lambda step: planned


def euler() -> Any:
    scheduler = EulerDiscreteScheduler(
        prediction_type="v_prediction", use_karras_sigmas=True, sigma_min=0.02, sigma_max=20.0
    )
    scheduler.set_timesteps(STEPS)
    return scheduler


def multistep() -> Any:
    scheduler = DPMSolverMultistepScheduler()
    scheduler.set_timesteps(STEPS)
    return scheduler


def ancestral() -> Any:
    scheduler = EulerAncestralDiscreteScheduler()
    scheduler.set_timesteps(STEPS)
    return scheduler


def noise() -> Tensor:
    return torch.randn(1, FRAMES, 4, 3, 5, generator=torch.Generator().manual_seed(0))


def frame_by_frame(latents: Tensor, timestep: Tensor, window: Window) -> Tensor:
    """A model that looks at single frames, so that windows cannot matter."""
    return torch.tanh(latents) * 0.3


@pytest.mark.parametrize("make", [euler, multistep, ancestral])
@pytest.mark.parametrize("blend", ["weighted", "official", "shifted"])
def test_windows_do_not_matter_to_a_model_without_time(make: Any, blend: Any) -> None:
    def planned(step: int) -> list[Window]:
        return plan_windows(FRAMES, 4, 2, blend=blend, step=step)

    whole = always(FRAMES, FRAMES, 0)
    one, many = (
        sample(
            frame_by_frame,
            noise(),
            scheduler=make(),
            windows=windows,
            generator=torch.Generator().manual_seed(7),
        )
        for windows in (whole, planned)
    )
    torch.testing.assert_close(many, one)


def test_the_callers_scheduler_is_left_alone() -> None:
    scheduler = euler()
    windows = always(FRAMES, 4, 2)
    first = sample(frame_by_frame, noise(), scheduler=scheduler, windows=windows)
    again = sample(frame_by_frame, noise(), scheduler=scheduler, windows=windows)
    assert torch.equal(first, again)


def test_overlaps_are_blended_between_the_windows() -> None:
    def constant(latents: Tensor, timestep: Tensor, window: Window) -> Tensor:
        return torch.full_like(latents, float(window.start))

    windows = always(10, 6, 2)
    start = torch.zeros(1, 10, 1, 1, 1)
    result = sample(constant, start, scheduler=euler(), windows=windows).flatten()
    assert (result[:4] == 0).all()
    inside, blended = result[-1], result[4:6]
    torch.testing.assert_close(blended / inside, torch.tensor([1 / 3, 2 / 3]), atol=0.2, rtol=0)
    assert blended[0].abs() < blended[1].abs() < inside.abs()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_diverging_latents_stop_with_step_and_advice(bad: float) -> None:
    scheduler = euler()

    def breaks(latents: Tensor, timestep: Tensor, window: Window) -> Tensor:
        value = bad if timestep == scheduler.timesteps[1] and window.stop == FRAMES else 0.0
        return torch.full_like(latents, value)

    with pytest.raises(DivergenceError, match=r"step 2 of 3 .*frames \[.*10.*bfloat16"):
        sample(breaks, noise(), scheduler=scheduler, windows=always(FRAMES, 4, 2))


def test_a_discarded_slot_may_diverge() -> None:
    def breaks(latents: Tensor, timestep: Tensor, window: Window) -> Tensor:
        prediction = torch.zeros_like(latents)
        if window.start:
            prediction[:, 0] = float("nan")
        return prediction

    windows = always(FRAMES, 4, 2, blend="official")
    assert sample(breaks, noise(), scheduler=euler(), windows=windows).isfinite().all()


def test_steps_and_windows_are_reported() -> None:
    steps: list[int] = []
    done: list[tuple[int, int]] = []
    windows = always(FRAMES, 4, 2)
    sample(
        frame_by_frame,
        noise(),
        scheduler=euler(),
        windows=windows,
        on_step=lambda index, timestep, latents: steps.append(index),
        on_window=lambda *count: done.append(count),
    )
    total = STEPS * len(windows(0))
    assert steps == [0, 1, 2]
    assert done == [(count, total) for count in range(1, total + 1)]


def test_a_step_callback_can_replace_the_latents() -> None:
    result = sample(
        frame_by_frame,
        noise(),
        scheduler=euler(),
        windows=always(FRAMES, 4, 2),
        on_step=lambda index, timestep, latents: torch.full_like(latents, float(index)),
    )
    assert (result == STEPS - 1).all()


def test_windows_that_miss_a_frame_are_refused() -> None:
    with pytest.raises(WindowError, match="frame 8"):
        sample(frame_by_frame, noise(), scheduler=euler(), windows=always(8, 4, 2))


def test_windows_may_change_from_step_to_step() -> None:
    seen: list[int] = []

    def look(latents: Tensor, timestep: Tensor, window: Window) -> Tensor:
        seen.append(window.start)
        return torch.zeros_like(latents)

    def planned(step: int) -> list[Window]:
        return plan_windows(FRAMES, 4, blend="shifted", step=step)

    done: list[tuple[int, int]] = []
    sample(
        look,
        noise(),
        scheduler=euler(),
        windows=planned,
        on_window=lambda *count: done.append(count),
    )
    starts = [[window.start for window in planned(step)] for step in range(STEPS)]
    assert starts[0] != starts[1]
    assert seen == [start for step in starts for start in step]
    assert done[-1] == (len(seen), len(seen))


@pytest.mark.parametrize("make", [euler, ancestral])
def test_a_run_goes_on_where_it_stopped(make: Any) -> None:
    windows, kept = always(FRAMES, 4, 2), []

    def keep(index: int, timestep: Tensor, latents: Tensor) -> None:
        kept.append((latents.clone(), generator.get_state()))

    generator = torch.Generator().manual_seed(7)
    settings = {"windows": windows, "generator": generator}
    whole = sample(frame_by_frame, noise(), scheduler=make(), on_step=keep, **settings)
    latents, state = kept[0]
    generator.set_state(state)
    rest = sample(frame_by_frame, latents, scheduler=make(), start=1, **settings)
    assert torch.equal(rest, whole)


@pytest.mark.parametrize("scheduler", [euler, multistep])
@pytest.mark.parametrize("blend", ["weighted", "shifted", "official"])
def test_long_clips_stepped_in_parts_are_as_in_one_piece(
    scheduler: Any, blend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = torch.randn(1, FRAMES, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    given = latents.clone()

    def run(at_once: int) -> Tensor:
        monkeypatch.setattr("temporal.sampling.FRAMES_AT_ONCE", at_once)
        return sample(
            lambda part, timestep, window: part.sin() + window.start,
            latents,
            scheduler=scheduler(),
            windows=lambda step: plan_windows(FRAMES, 4, 2, blend=blend, step=step),
        )

    whole = run(FRAMES)
    for at_once in (1, 3, 5):
        assert torch.equal(run(at_once), whole)
    assert torch.equal(latents, given)
