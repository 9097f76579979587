"""What the denoiser is asked to predict, as pure functions: tensors in, tensors out.

Three families. Discrete diffusion (SD1.5, SDXL): noise or velocity at one of the schedule's steps
(Ho et al., arXiv 2006.11239; Salimans and Ho, arXiv 2202.00512). Rectified flow (SD3): the straight
way from data to noise (Esser et al., arXiv 2403.03206). The video family follows EDM (Karras et
al., arXiv 2206.00364) in the form Stable Video Diffusion was trained with: the network F sees a
noisy latent scaled to unit variance and predicts velocity, exactly what diffusers'
``EulerDiscreteScheduler`` with ``prediction_type="v_prediction"`` and
``timestep_type="continuous"`` expects at sampling time.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor


def per_sample(value: Tensor, like: Tensor) -> Tensor:
    """Reshape ``(B,)`` so that it broadcasts over ``like`` ``(B, ...)``."""
    return value.reshape(-1, *(1 for _ in range(like.ndim - 1)))


def log_normal_sigmas(
    normal: Tensor, *, mean: float, std: float, bounds: tuple[float, float]
) -> Tensor:
    """Turn unit normal draws into noise levels with ln(sigma) ~ N(mean, std), within ``bounds``.

    Source: EDM, equation 5 and table 1 ("noise distribution").
    """
    return (normal * std + mean).exp().clamp(*bounds)


def centred(noise: Tensor, clean: Tensor, start: Tensor, sigma_max: float) -> Tensor:
    """Shift noise so that a clean latent with sigma_max of it is ``start`` with as much noise.

    All ``(B, ...)``. In between, clean + sigma * noise lies on the straight way from one to the
    other, as in ResShift (Yue et al., arXiv 2307.12348), but over EDM's noise levels: a sampler
    that begins at start + sigma_max * noise needs no change.
    """
    return noise + (start - clean) / sigma_max


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
    denoised: Tensor,
    clean: Tensor,
    sigma: Tensor,
    weight: Tensor | None = None,
    huber: float = 0.0,
) -> Tensor:
    """Mean squared error of the clean latent with EDM's weight (sigma^2 + 1) / sigma^2.

    That weight makes every noise level count alike, and equals a plain squared error on the
    velocity. ``weight`` (broadcastable to ``clean``) emphasises regions such as hands and face.
    huber: errors of the velocity beyond this count linearly, sqrt(e^2 + huber^2) - huber (Song and
    Dhariwal, arXiv 2310.14189, section 3.3); 0 for squares.
    """
    s = per_sample(sigma, clean)
    error = (denoised - clean) ** 2 * ((s**2 + 1) / s**2)
    if huber:
        error = (error + huber**2).sqrt() - huber
    return (error if weight is None else error * weight).mean()


def weighted_mse(predicted: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean squared error, each element times ``weight``, which broadcasts."""
    error = (predicted.float() - target.float()) ** 2
    return (error if weight is None else error * weight).mean()


def noised(clean: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """Return sqrt(a) x + sqrt(1 - a) e for a = ``alpha_bar`` ``(B,)`` (arXiv 2006.11239, eq. 4)."""
    a = per_sample(alpha_bar, clean)
    return a.sqrt() * clean + (1 - a).sqrt() * noise


def diffusion_target(
    clean: Tensor,
    noise: Tensor,
    alpha_bar: Tensor,
    prediction: Literal["epsilon", "v_prediction"],
) -> Tensor:
    """What the network should say: the noise, or v = sqrt(a) e - sqrt(1 - a) x.

    Source of v: arXiv 2202.00512, section 4; the names are those of diffusers' schedulers.
    """
    if prediction == "epsilon":
        return noise
    a = per_sample(alpha_bar, clean)
    return a.sqrt() * noise - (1 - a).sqrt() * clean


def clean_from_velocity(noisy: Tensor, velocity: Tensor, alpha_bar: Tensor) -> Tensor:
    """Turn a velocity of ``diffusion_target`` into the clean latent: sqrt(a) z - sqrt(1 - a) v."""
    a = per_sample(alpha_bar, noisy)
    return a.sqrt() * noisy - (1 - a).sqrt() * velocity


def logit_normal_shares(normal: Tensor, *, shift: float = 1.0) -> Tensor:
    """Turn unit normal draws into shares of noise in (0, 1), moved towards noise by ``shift``.

    Source: arXiv 2403.03206, equations 19 (logit-normal with m = 0, s = 1) and 23 (the shift).
    """
    share = normal.sigmoid()
    return shift * share / (1 + (shift - 1) * share)


def flow_point(clean: Tensor, noise: Tensor, share: Tensor) -> Tensor:
    """The point (1 - t) x + t e on the straight way, t = ``share`` ``(B,)``."""
    t = per_sample(share, clean)
    return (1 - t) * clean + t * noise


def flow_target(clean: Tensor, noise: Tensor) -> Tensor:
    """The velocity along the straight way, e - x, at every point of it."""
    return noise - clean
