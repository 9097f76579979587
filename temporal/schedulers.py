"""Schedulers that diffusers lacks: few-step sampling with consistency-distilled video models."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffusers import CMStochasticIterativeScheduler, EulerDiscreteScheduler
from diffusers.configuration_utils import register_to_config

# diffusers loads a class from its module only if the module also has the base class.
from diffusers.schedulers.scheduling_utils import SchedulerMixin, SchedulerOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

SCHEDULERS = ("model", "euler", "lcm")

# Schedulers whose step depends on latents, prediction and random numbers alone, not on the steps
# before: a run goes on from what it had after any step.
WITHOUT_MEMORY = (
    "CMStochasticIterativeScheduler",
    "ConsistencyScheduler",
    "DDIMScheduler",
    "DDPMScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "LCMScheduler",
    "TCDScheduler",
)

# Steps and guidance (at the start and end of its ramp) that consistency-distilled models were
# shown with; source: the demonstration program of AnimateLCM-SVD.
LCM_STEPS = 4
LCM_GUIDANCE = (1.0, 1.2)

# The scheduler that Stable Video Diffusion is published with.
SVD_EULER: dict[str, Any] = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "prediction_type": "v_prediction",
    "timestep_type": "continuous",
    "timestep_spacing": "leading",
    "steps_offset": 1,
    "use_karras_sigmas": True,
    "sigma_min": 0.002,
    "sigma_max": 700.0,
}


class ConsistencyScheduler(CMStochasticIterativeScheduler):  # type: ignore[misc, unused-ignore]
    """Multistep consistency sampling for video models that predict v over continuous noise levels.

    For UNets such as AnimateLCM-SVD's (arXiv 2402.00769), with its defaults. Each step jumps to
    the clean clip and adds fresh noise of the next level (arXiv 2303.01469, algorithm 1):
    x0 = c_skip x + c_out v;  x' = x0 + s_noise sigma' z, and x0 itself at the end.
    It differs from diffusers' scheduler for image models in what the model predicts and is told
    (v at 0.25 ln sigma), and in ending at noise level 0.
    """

    @register_to_config  # type: ignore[untyped-decorator, unused-ignore]
    def __init__(
        self,
        num_train_timesteps: int = 40,
        sigma_min: float = 0.002,
        sigma_max: float = 700.0,
        sigma_data: float = 1.0,
        s_noise: float = 1.0,
        rho: float = 7.0,
        clip_denoised: bool = False,
    ) -> None:
        super().__init__(
            num_train_timesteps, sigma_min, sigma_max, sigma_data, s_noise, rho, clip_denoised
        )
        # Noise of level sigma_max on latents of unit variance.
        self.init_noise_sigma = (sigma_max**2 + 1) ** 0.5

    def sigma_to_t(self, sigmas: Any) -> Any:
        """What the model is told of noise levels: 0.25 ln sigma (EDM, 2206.00364, table 1)."""
        return 0.25 * np.log(np.asarray(sigmas, dtype=np.float64))

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: torch.device | str | None = None,
        timesteps: list[int] | None = None,
    ) -> None:
        """Choose every n-th of the noise levels of the training, and 0 for the end."""
        super().set_timesteps(num_inference_steps, device, timesteps)
        self.sigmas[-1] = 0.0

    def get_scalings_for_boundary_condition(self, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return c_skip and c_out of v-prediction: 1 and 0 without noise, as consistency demands.

        c_skip = d^2 / (sigma^2 + d^2);  c_out = -sigma d / sqrt(sigma^2 + d^2), with d the
        standard deviation of the data (EDM, arXiv 2206.00364, table 1, and its sign for v).
        """
        data = self.config["sigma_data"]
        total = sigma**2 + data**2
        return data**2 / total, -sigma * data / total**0.5

    def step(
        self,
        model_output: Tensor,
        timestep: float | Tensor,
        sample: Tensor,
        generator: torch.Generator | list[torch.Generator] | None = None,
        return_dict: bool = True,
    ) -> Any:
        """Return (x',), or x' as `.prev_sample`; noise is drawn in every step but the last."""
        if self.step_index is None:
            self._init_step_index(timestep)
        index = self.step_index
        c_skip, c_out = self.get_scalings_for_boundary_condition(self.sigmas[index])
        stepped = c_skip * sample + c_out * model_output
        if self.config["clip_denoised"]:
            stepped = stepped.clamp(-1, 1)
        following = self.sigmas[index + 1]
        if following > 0:
            noise = randn_tensor(
                stepped.shape, generator=generator, device=stepped.device, dtype=stepped.dtype
            )
            stepped = stepped + self.config["s_noise"] * following * noise
        self._step_index = index + 1
        return SchedulerOutput(prev_sample=stepped) if return_dict else (stepped,)


def has_memory(scheduler: Any) -> bool:
    """Whether its steps depend on those before, or nobody knows that they do not."""
    return type(scheduler).__name__ not in WITHOUT_MEMORY


def find_scheduler(name: str, own: SchedulerMixin) -> SchedulerMixin:
    """Return the scheduler called so: the model's own, SVD's Euler, or few-step sampling.

    Raises ValueError for a name that is not in `SCHEDULERS`.
    """
    if name == "model":
        return own
    if name == "euler":
        is_euler = isinstance(own, EulerDiscreteScheduler)
        return own if is_euler else EulerDiscreteScheduler(**SVD_EULER)
    if name == "lcm":
        # Never from_config(own.config): levels count from the training of the distilled model.
        return own if isinstance(own, ConsistencyScheduler) else ConsistencyScheduler()
    raise ValueError(f"unknown scheduler {name!r}; known: {', '.join(SCHEDULERS)}")
