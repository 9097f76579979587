from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from animate.pipelines.image import as_picture
from animate.pipelines.steering import Control, Steering
from animate.training.bands import BANDS, build_vae
from animate.training.head_start import TOKEN, VALUES, give_head_start
from animate.training.mini_sd3 import (
    PROMPT_TOKENS,
    TEXT_WIDTH,
    build_encoder,
    build_transformer,
)

SIDE = 48
INNER = (..., slice(2, -2), slice(2, -2))  # see bands.REACH


@pytest.fixture(scope="module")
def parts() -> tuple[Any, Any]:
    torch.manual_seed(0)
    transformer, encoder = build_transformer(), build_encoder()
    give_head_start(transformer, encoder)
    return transformer.eval(), encoder.eval()


@pytest.fixture(scope="module")
def picture() -> Tensor:
    """A smooth picture (1, 3, H, W) in [0, 1]."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return as_picture(cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))


@pytest.fixture(scope="module")
def latents(picture: Tensor) -> Tensor:
    with torch.no_grad():
        mode: Tensor = build_vae().encode(picture * 2 - 1).latent_dist.mode()
    return mode


@torch.no_grad()
def said(parts: tuple[Any, Any], picture: Tensor, noisy: Tensor, time: float) -> Tensor:
    with Steering(parts[0], [Control(part=parts[1], picture=picture)]):
        velocity: Tensor = parts[0](
            hidden_states=noisy,
            timestep=torch.tensor([time * 1000]),
            encoder_hidden_states=torch.zeros(1, 2 * PROMPT_TOKENS, 2 * TEXT_WIDTH),
            pooled_projections=torch.zeros(1, 2 * TEXT_WIDTH),
        ).sample
    return velocity


@pytest.mark.parametrize("time", [1.0, 0.85, 0.5, 0.25])
def test_from_anywhere_it_leads_to_the_smooth_picture(
    parts: tuple[Any, Any], picture: Tensor, latents: Tensor, time: float
) -> None:
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
    noisy = (1 - time) * latents + time * noise
    there = noisy - time * said(parts, picture, noisy, time)
    missed = (there - latents)[INNER].square().mean().sqrt()
    assert missed < 0.08 * latents[INNER].square().mean().sqrt()
    assert missed < 0.1  # of a noise of 1


def test_the_features_are_the_picture_s_latents(
    parts: tuple[Any, Any], picture: Tensor, latents: Tensor
) -> None:
    with torch.no_grad():
        values = -parts[1](picture, 500.0)[:, :VALUES]
    places = values.unflatten(1, (TOKEN, TOKEN, len(BANDS)))  # (1, y, x, band, h, w)
    laid = places.permute(0, 3, 4, 1, 5, 2).reshape(latents.shape)
    off = (laid - latents)[INNER].abs().max()
    assert off < 0.03 * latents.abs().max()


def test_what_is_to_be_learnt_can_be_learnt(
    parts: tuple[Any, Any], picture: Tensor, latents: Tensor
) -> None:
    transformer, encoder = parts
    with Steering(transformer, [Control(part=encoder, picture=picture)]):
        made = transformer(
            hidden_states=latents,
            timestep=torch.tensor([500.0]),
            encoder_hidden_states=torch.ones(1, 2 * PROMPT_TOKENS, 2 * TEXT_WIDTH),
            pooled_projections=torch.ones(1, 2 * TEXT_WIDTH),
        ).sample
    made.square().mean().backward()
    begins = [block.norm1.linear.weight for block in transformer.transformer_blocks]
    begins += [encoder.down_res[0].conv2.weight, encoder.mid_convs[0][-1].weight]
    assert all(start.abs().max() == 0 and start.grad.abs().max() > 0 for start in begins)
