"""ControlNet beside a denoiser: what diffusers' classes compute, and where it is added."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

Residuals = list[Tensor]

DOWN, MIDDLE = "down_block_additional_residuals", "mid_block_additional_residual"
BLOCKS = "block_controlnet_hidden_states"


def is_transformer(denoiser: nn.Module) -> bool:
    """Whether a denoiser works on tokens, as SD3's."""
    return hasattr(denoiser, "transformer_blocks")


def residuals_of(
    part: Any,
    picture: Tensor,
    sample: Tensor,
    steps: Tensor,
    told: dict[str, Any],
    *,
    scale: Tensor,
    denoiser: nn.Module,
    guess: bool = False,
) -> Residuals:
    """What a ControlNet adds to a denoiser's blocks in one call, each sample times its scale.

    part: ControlNetModel for a UNet: twelve skips of the encoder and the middle block; or
    SD3ControlNetModel: one for each of the transformer's blocks. picture: (N, 3, H, W) in [0, 1],
    or latents for SD3; sample, steps: (N, c, h, w), (N,); told: the call's keywords; scale: (N,).
    """
    if is_transformer(denoiser):
        made = _of_transformer(part, picture, sample, steps, told, denoiser)
    else:
        skips, middle = part(
            _own(part, sample),
            steps,
            encoder_hidden_states=told["encoder_hidden_states"].to(part.dtype),
            controlnet_cond=picture,
            added_cond_kwargs=told.get("added_cond_kwargs"),
            guess_mode=guess,
            return_dict=False,
        )
        made = [*skips, middle]
    scale = scale.to(sample.device, sample.dtype)
    return [one.to(sample.dtype) * scale.view(-1, *[1] * (one.ndim - 1)) for one in made]


def add_residuals(
    denoiser: nn.Module, kwargs: dict[str, Any], residuals: Residuals
) -> dict[str, Any]:
    """The call's keywords with residuals beside those that are there already."""
    if is_transformer(denoiser):
        return {**kwargs, BLOCKS: _sum(kwargs.get(BLOCKS), residuals)}
    *skips, middle = residuals
    before = kwargs.get(MIDDLE)
    return {
        **kwargs,
        DOWN: _sum(kwargs.get(DOWN), skips),
        MIDDLE: middle if before is None else before + middle,
    }


def _sum(before: Any, added: Residuals) -> Residuals:
    return added if before is None else [one + two for one, two in zip(before, added, strict=True)]


def _own(part: Any, sample: Tensor) -> Tensor:
    """The latents as a ControlNet takes them, without the mask that inpainting denoisers see."""
    return sample[:, : part.config.in_channels].to(part.dtype)


def _of_transformer(
    part: Any,
    picture: Tensor,
    sample: Tensor,
    steps: Tensor,
    told: dict[str, Any],
    denoiser: Any,
) -> Residuals:
    """As diffusers' StableDiffusion3ControlNetPipeline calls the kinds of SD3's ControlNets."""
    pooled, config = told["pooled_projections"], part.config
    # Some have no embedders of their own and read tokens and no text (SD3.5 large), some no summary
    # of the text (InstantX).
    bare = config.joint_attention_dim is None
    bears = part.pos_embed is not None
    made = part(
        hidden_states=_own(part, sample) if bears else denoiser.pos_embed(sample).to(part.dtype),
        controlnet_cond=picture,
        encoder_hidden_states=None if bare else told["encoder_hidden_states"],
        pooled_projections=(
            torch.zeros_like(pooled) if config.force_zeros_for_pooled_projection else pooled
        ),
        timestep=steps,
        return_dict=False,
    )[0]
    # The transformer spreads few over many blocks in this way; several ControlNets may differ.
    blocks = len(denoiser.transformer_blocks)
    return [made[int(index / (blocks / len(made)))] for index in range(blocks)]
