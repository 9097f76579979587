"""What the denoiser is asked to predict, as pure functions: tensors in, tensors out.

The video family follows EDM (Karras et al., arXiv 2206.00364) in the form Stable Video Diffusion
was trained with: the network F sees a noisy latent scaled to unit variance and predicts
velocity, exactly what diffusers' ``EulerDiscreteScheduler`` with ``prediction_type="v_prediction"``
and ``timestep_type="continuous"`` expects at sampling time.
"""

from __future__ import annotations

import torch
from torch import Tensor


def per_sample(value: Tensor, like: Tensor) -> Tensor:
    """Reshape ``(B,)`` so that it broadcasts over ``like`` ``(B, ...)``."""
    return value.reshape(-1, *(1 for _ in range(like.ndim - 1)))


def sample_log_normal_sigmas(
    count: int,
    *,
    mean: float,
    std: float,
    bounds: tuple[float, float],
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw ``(count,)`` noise levels with ln(sigma) ~ N(mean, std), clamped to ``bounds``.

    Source: EDM, equation 5 and table 1 ("noise distribution").
    """
    sigmas = (torch.randn(count, generator=generator) * std + mean).exp()
    return sigmas.clamp(*bounds)


def model_input(noisy: Tensor, sigma: Tensor) -> Tensor:
    """Scale noisy latents ``(B, ...)`` to unit variance: c_in = 1 / sqrt(sigma^2 + 1)."""
    return noisy / per_sample((sigma**2 + 1).sqrt(), noisy)


def model_time(sigma: Tensor) -> Tensor:
    """Return the continuous timestep c_noise = ln(sigma) / 4 (EDM, table 1), shape ``(B,)``."""
    return 0.25 * sigma.log()


def denoised_from_velocity(noisy: Tensor, velocity: Tensor, sigma: Tensor) -> Tensor:
    """Turn the network's velocity into the clean latent it implies, all ``(B, ...)``.

    x0 = noisy / (sigma^2 + 1) - velocity * sigma / sqrt(sigma^2 + 1)
    (diffusers ``EulerDiscreteScheduler.step``, branch ``v_prediction``).
    """
    s = per_sample(sigma, noisy)
    return noisy / (s**2 + 1) - velocity * s / (s**2 + 1).sqrt()


def velocity_loss(
    denoised: Tensor, clean: Tensor, sigma: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Mean squared error of the clean latent with EDM's weight (sigma^2 + 1) / sigma^2.

    That weight makes every noise level count alike, and equals a plain squared error on the
    velocity. ``weight`` (broadcastable to ``clean``) emphasises regions such as hands and face.
    """
    s = per_sample(sigma, clean)
    error = (denoised - clean) ** 2 * ((s**2 + 1) / s**2)
    return (error if weight is None else error * weight).mean()
