from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler
from torch import Tensor

from temporal.sampling import sample
from temporal.schedulers import SVD_EULER, ConsistencyScheduler, find_scheduler
from temporal.windows import Window, plan_windows

FRAMES, STEPS = 9, 4


def scheduler(steps: int = STEPS) -> ConsistencyScheduler:
    made = ConsistencyScheduler()
    made.set_timesteps(steps)
    return made


def noise(seed: int = 0) -> Tensor:
    return torch.randn(1, FRAMES, 4, 3, 5, generator=torch.Generator().manual_seed(seed))


def perfect(clean: Tensor) -> Any:
    """The v-prediction of a model that knows the clean clip, by definition of v."""

    def denoise(scaled: Tensor, timestep: Tensor, window: Window) -> Tensor:
        angle = torch.atan((4 * timestep).exp())
        part = clean[:, window.start : window.stop]
        return (scaled * torch.cos(angle) - part) / torch.sin(angle)

    return denoise


def planned(step: int) -> list[Window]:
    return plan_windows(FRAMES, 4, 1, blend="shifted", step=step)


def run(denoise: Any, seed: int = 7, **settings: Any) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    made = scheduler()
    start = noise() * made.init_noise_sigma
    settings = {"windows": planned, "generator": generator, **settings}
    return sample(denoise, start, scheduler=made, **settings)


def test_noise_levels_are_those_of_the_distilled_training() -> None:
    # Every tenth of 40 levels between 700 and 0.002, rho 7 (EDM, equation 5), then 0.
    low, high = 0.002 ** (1 / 7), 700 ** (1 / 7)
    levels = [(high + index / 39 * (low - high)) ** 7 for index in (0, 10, 20, 30)]
    made = scheduler()
    torch.testing.assert_close(made.sigmas, torch.tensor([*levels, 0.0]))
    told = torch.tensor([0.25 * math.log(level) for level in levels], dtype=made.timesteps.dtype)
    torch.testing.assert_close(made.timesteps, told)
    assert made.init_noise_sigma == pytest.approx(math.hypot(700, 1))


def test_without_noise_the_sample_is_the_answer() -> None:
    c_skip, c_out = scheduler().get_scalings_for_boundary_condition(torch.tensor(0.0))
    assert (c_skip, c_out) == (1, 0)


@pytest.mark.parametrize("index", range(3))
def test_the_model_is_read_as_eulers_scheduler_reads_it(index: int) -> None:
    made = scheduler(steps=1)
    euler = EulerDiscreteScheduler(**SVD_EULER)
    euler.set_timesteps(3)
    made.sigmas = torch.tensor([float(euler.sigmas[index]), 0.0])
    predicted, now = noise(1), noise(2) * float(euler.sigmas[index])
    euler.scale_model_input(now, euler.timesteps[index])
    clean = euler.step(predicted, euler.timesteps[index], now).pred_original_sample
    ours = made.step(predicted, made.timesteps[0], now).prev_sample
    torch.testing.assert_close(ours, clean, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 4, 8])
def test_a_perfect_model_gives_the_clean_clip(steps: int) -> None:
    made, clean = scheduler(steps), noise(5)
    start = clean + noise() * 700
    generator = torch.Generator().manual_seed(1)
    result = sample(perfect(clean), start, scheduler=made, windows=planned, generator=generator)
    torch.testing.assert_close(result, clean, atol=2e-4 if steps == 1 else 1e-5, rtol=0)


def test_a_step_leaves_noise_of_the_next_level() -> None:
    made, many = scheduler(), torch.zeros(1, 50_000)
    stepped = made.step(many, made.timesteps[0], many, generator=torch.Generator().manual_seed(0))
    assert float(stepped.prev_sample.std()) == pytest.approx(float(made.sigmas[1]), rel=0.02)


def test_the_generator_decides_and_the_last_step_draws_nothing() -> None:
    def tanh(scaled: Tensor, timestep: Tensor, window: Window) -> Tensor:
        return torch.tanh(scaled)

    first, again, other = run(tanh), run(tanh), run(tanh, seed=8)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    generator = torch.Generator().manual_seed(7)
    run(tanh, generator=generator)
    drawn = torch.Generator().manual_seed(7)
    for _ in range(STEPS - 1):
        torch.randn(1, FRAMES, 4, 3, 5, generator=drawn)
    assert torch.equal(generator.get_state(), drawn.get_state())


def test_a_run_goes_on_where_it_stopped() -> None:
    kept: list[tuple[Tensor, Tensor]] = []
    generator = torch.Generator().manual_seed(7)

    def keep(index: int, timestep: Tensor, latents: Tensor) -> None:
        kept.append((latents.clone(), generator.get_state()))

    denoise = perfect(noise(5))
    whole = run(denoise, generator=generator, on_step=keep)
    latents, state = kept[1]
    generator.set_state(state)
    rest = sample(
        denoise, latents, scheduler=scheduler(), windows=planned, start=2, generator=generator
    )
    assert torch.equal(rest, whole)


def test_settings_are_saved_and_read_back(tmp_path: Path) -> None:
    ConsistencyScheduler(sigma_max=300.0).save_pretrained(tmp_path)
    loaded = ConsistencyScheduler.from_pretrained(tmp_path)
    assert loaded.config["sigma_max"] == 300.0
    assert loaded.config["sigma_data"] == 1.0
    assert loaded.init_noise_sigma == pytest.approx(math.hypot(300, 1))


def test_schedulers_are_found_by_name() -> None:
    own = EulerDiscreteScheduler(sigma_max=30.0)
    assert find_scheduler("model", own) is own
    assert find_scheduler("euler", own) is own
    few = find_scheduler("lcm", own)
    assert few.config["sigma_max"] == 700.0
    assert find_scheduler("euler", few).config["prediction_type"] == "v_prediction"
    with pytest.raises(ValueError, match=r"unknown scheduler 'ddim'; known: .*lcm"):
        find_scheduler("ddim", own)
