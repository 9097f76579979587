import pytest
import torch
from diffusers import EulerDiscreteScheduler

from animate.training.mini import SCHEDULER
from animate.training.objectives import (
    denoised_from_velocity,
    model_input,
    model_time,
    sample_log_normal_sigmas,
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
    generator = torch.Generator().manual_seed(2)
    sigmas = sample_log_normal_sigmas(
        20_000, mean=1.2, std=0.5, bounds=(1e-6, 1e6), generator=generator
    )
    assert sigmas.log().mean() == pytest.approx(1.2, abs=0.02)
    assert sigmas.log().std() == pytest.approx(0.5, abs=0.02)
    bounded = sample_log_normal_sigmas(1000, mean=1.2, std=3, bounds=(0.5, 2), generator=generator)
    assert (bounded.min(), bounded.max()) == (0.5, 2)
