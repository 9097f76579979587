"""Tiny seeded models for the temporal tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from torch import Tensor

from temporal.controlnext import ControlNeXt

WIDTH = 32  # channels of the tiny UNet's first block


@pytest.fixture(scope="session")
def unet() -> UNetSpatioTemporalConditionModel:
    """A two-level spatio-temporal UNet, in evaluation mode."""
    torch.manual_seed(0)
    return UNetSpatioTemporalConditionModel(
        in_channels=8,
        out_channels=4,
        block_out_channels=(WIDTH, WIDTH),
        down_block_types=("DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"),
        up_block_types=("CrossAttnUpBlockSpatioTemporal", "UpBlockSpatioTemporal"),
        layers_per_block=1,
        num_attention_heads=2,
        cross_attention_dim=16,
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24,
        sample_size=8,
    ).eval()


@pytest.fixture(scope="session")
def run(unet: UNetSpatioTemporalConditionModel) -> Callable[[], Tensor]:
    """The UNet on the same two clips of three frames, every time."""
    generator = torch.Generator().manual_seed(1)
    sample = torch.randn(2, 3, 8, 8, 8, generator=generator)
    embeddings = torch.randn(2, 1, 16, generator=generator)

    def call() -> Tensor:
        output: Tensor = unet(sample, 0.5, embeddings, torch.zeros(2, 3)).sample
        return output

    return call


@pytest.fixture(scope="session")
def encoder() -> ControlNeXt:
    """A control encoder for the tiny UNet, in evaluation mode."""
    torch.manual_seed(2)
    return ControlNeXt(
        stem_channels=(8, 8, 16), stem_padding=1, block_channels=(16, 16), out_channels=WIDTH
    ).eval()
