from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler
from hypothesis import given
from hypothesis import strategies as st

from animate.training.mini import SCHEDULER
from animate.training.objectives import (
    centred,
    clean_from_velocity,
    denoised_from_velocity,
    diffusion_target,
    flow_point,
    flow_target,
    log_normal_sigmas,
    logit_normal_shares,
    model_input,
    model_time,
    noised,
    velocity_loss,
)


@pytest.fixture
def scheduler() -> EulerDiscreteScheduler:
    scheduler = EulerDiscreteScheduler(**SCHEDULER)
    scheduler.set_timesteps(5)
    return scheduler


def test_input_time_and_target_are_the_schedulers(scheduler: EulerDiscreteScheduler) -> None:
    generator = torch.Generator().manual_seed(0)
    noisy, velocity = (torch.randn(2, 3, 4, 4, generator=generator) for _ in range(2))
    for step, time in enumerate(scheduler.timesteps):
        sigma = scheduler.sigmas[step].expand(2)
        torch.testing.assert_close(
            model_input(noisy, sigma), scheduler.scale_model_input(noisy, time)
        )
        torch.testing.assert_close(model_time(sigma)[0], time)
        expected = scheduler.step(velocity, time, noisy).pred_original_sample
        torch.testing.assert_close(denoised_from_velocity(noisy, velocity, sigma), expected)


def test_loss_is_the_squared_error_of_the_velocity() -> None:
    generator = torch.Generator().manual_seed(1)
    clean, noise, velocity = (torch.randn(3, 2, 4, 4, generator=generator) for _ in range(3))
    sigma = torch.tensor([0.1, 1.0, 20.0])
    s = sigma[:, None, None, None]
    noisy = clean + s * noise
    true_velocity = (noisy / (s**2 + 1) - clean) * (s**2 + 1).sqrt() / s
    loss = velocity_loss(denoised_from_velocity(noisy, velocity, sigma), clean, sigma)
    torch.testing.assert_close(loss, ((velocity - true_velocity) ** 2).mean())


def test_weight_counts_only_where_it_is() -> None:
    clean, sigma = torch.zeros(1, 1, 2, 2), torch.ones(1)
    denoised = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    weight = torch.tensor([[[[0.0, 1.0], [1.0, 1.0]]]])
    assert velocity_loss(denoised, clean, sigma, weight) == 0
    assert velocity_loss(denoised, clean, sigma) == 2 / 4


def test_noise_levels_follow_the_log_normal() -> None:
    normal = torch.randn(20_000, generator=torch.Generator().manual_seed(2))
    sigmas = log_normal_sigmas(normal, mean=1.2, std=0.5, bounds=(1e-6, 1e6))
    assert sigmas.log().mean() == pytest.approx(1.2, abs=0.02)
    assert sigmas.log().std() == pytest.approx(0.5, abs=0.02)
    bounded = log_normal_sigmas(normal, mean=1.2, std=3, bounds=(0.5, 2))
    assert (bounded.min(), bounded.max()) == (0.5, 2)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_discrete_targets_are_the_schedulers(prediction: Any) -> None:
    scheduler = DDIMScheduler(prediction_type=prediction, clip_sample=False)
    generator = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn(2, 4, 4, 4, generator=generator) for _ in range(2))
    times = torch.tensor([100, 700])
    alpha_bar = scheduler.alphas_cumprod[times]
    noisy = noised(clean, noise, alpha_bar)
    torch.testing.assert_close(noisy, scheduler.add_noise(clean, noise, times))
    target = diffusion_target(clean, noise, alpha_bar, prediction)
    scheduler.set_timesteps(1000)
    for row, time in enumerate(times.tolist()):
        told = scheduler.step(target[row : row + 1], time, noisy[row : row + 1])
        torch.testing.assert_close(told.pred_original_sample[0], clean[row], rtol=1e-4, atol=1e-4)


def test_a_discrete_velocity_tells_what_is_clean() -> None:
    generator = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn(3, 4, 4, 4, generator=generator) for _ in range(2))
    alpha_bar = torch.tensor([0.999, 0.5, 0.0])
    velocity = diffusion_target(clean, noise, alpha_bar, "v_prediction")
    told = clean_from_velocity(noised(clean, noise, alpha_bar), velocity, alpha_bar)
    torch.testing.assert_close(told, clean, rtol=1e-5, atol=1e-5)


def test_the_flow_leads_from_noise_to_data() -> None:
    generator = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn(3, 2, 4, 4, generator=generator) for _ in range(2))
    share = torch.tensor([0.1, 0.5, 1.0])
    point = flow_point(clean, noise, share)
    ended = point - share[:, None, None, None] * flow_target(clean, noise)
    torch.testing.assert_close(ended, clean)


@given(st.floats(-4, 4), st.floats(1, 6))
def test_a_shift_moves_towards_noise(normal: float, shift: float) -> None:
    plain = logit_normal_shares(torch.tensor([normal]))
    moved = logit_normal_shares(torch.tensor([normal]), shift=shift)
    assert 0 < plain <= moved + 1e-6
    assert moved < 1


def test_centred_noise_leads_from_the_start_to_what_is_clean() -> None:
    generator = torch.Generator().manual_seed(0)
    noise, clean, start = (torch.randn(2, 3, 4, generator=generator) for _ in range(3))
    moved = centred(noise, clean, start, sigma_max=0.8)
    assert torch.allclose(clean + 0.8 * moved, start + 0.8 * noise)
    assert torch.allclose(clean + 0.4 * moved, (clean + start) / 2 + 0.4 * noise)


def test_large_errors_count_linearly_and_small_ones_squared() -> None:
    clean, sigma = torch.zeros(1, 1), torch.ones(1)
    large, doubled, small, halved = (
        float(velocity_loss(torch.full((1, 1), error / 2**0.5), clean, sigma, huber=0.1))
        for error in (50.0, 100.0, 1e-3, 5e-4)
    )
    assert doubled - large == pytest.approx(50, rel=1e-3)
    assert small / halved == pytest.approx(4, rel=1e-2)
