"""ControlNet for video UNets: a trainable copy of the encoder, joined by zero convolutions.

Source: Zhang et al., arXiv 2302.05543, section 3. diffusers has it for still UNets only; here the
copy is a UNet without its second half, and hooks read what passes and add what comes out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from einops import rearrange
from torch import Tensor, nn

EMBEDDING_CHANNELS = (16, 32, 96, 256)  # diffusers' and the paper's, each level halves
Residuals = tuple[list[Tensor], Tensor]  # for the skips in their order, and for the middle


class EncoderCopy(nn.Module):
    """The first half and the middle of a spatio-temporal UNet, with its weights to start from.

    unet: what is copied. halvings: how many times a latent is smaller than a picture, as a power
    of 2. At first everything it returns is zero.
    """

    def __init__(self, unet: Any, halvings: int) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(unet).requires_grad_(True)
        self.encoder.up_blocks = nn.ModuleList()
        self.encoder.conv_norm_out = nn.Identity()
        self.encoder.conv_out = nn.Identity()
        widths = unet.config["block_out_channels"]
        self.embedding = ControlNetConditioningEmbedding(
            widths[0], block_out_channels=EMBEDDING_CHANNELS[: halvings + 1]
        )
        self.joins = nn.ModuleList([_zero_convolution(c) for c in _skip_widths(unet)])
        self.middle = _zero_convolution(widths[-1])

    def forward(
        self, sample: Tensor, time: Tensor, embedding: Tensor, control: Tensor, **told: Tensor
    ) -> Residuals:
        """Return what is to be added for UNet inputs and control ``(B, F, 3, H, W)``."""
        extra = self.embedding(rearrange(control, "b f c h w -> (b f) c h w"))
        skips: list[Tensor] = []
        middle: list[Tensor] = []

        def after_first(module: nn.Module, args: Any, output: Tensor) -> Tensor:
            skips.append(output + extra.to(output.dtype))
            return skips[0]

        def after_block(module: nn.Module, args: Any, output: Any) -> None:
            skips.extend(output[1])

        def after_middle(module: nn.Module, args: Any, output: Tensor) -> None:
            middle.append(output)

        handles = [
            self.encoder.conv_in.register_forward_hook(after_first),
            *(block.register_forward_hook(after_block) for block in self.encoder.down_blocks),
            self.encoder.mid_block.register_forward_hook(after_middle),
        ]
        try:
            self.encoder(sample, time, embedding, **told)
        finally:
            for handle in handles:
                handle.remove()
        joined = [join(skip) for join, skip in zip(self.joins, skips, strict=True)]
        return joined, self.middle(middle[0])


@contextmanager
def add_residuals(unet: Any, residuals: Residuals, scale: Tensor) -> Iterator[None]:
    """Add residuals, times scale ``(N,)``, to the skips and the middle of a UNet's next call."""
    skips, middle = residuals
    weight = scale[:, None, None, None]
    left = [skip * weight for skip in skips]

    def after_middle(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        return output + (middle * weight).to(output.dtype)

    def before_up(
        module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        given: Sequence[Tensor] = kwargs["res_hidden_states_tuple"]
        own = left[-len(given) :]
        del left[-len(given) :]
        added = tuple(a + b.to(a.dtype) for a, b in zip(given, own, strict=True))
        return args, {**kwargs, "res_hidden_states_tuple": added}

    handles = [unet.mid_block.register_forward_hook(after_middle)]
    handles += [
        block.register_forward_pre_hook(before_up, with_kwargs=True) for block in unet.up_blocks
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _zero_convolution(channels: int) -> nn.Conv2d:
    convolution = nn.Conv2d(channels, channels, 1)
    with torch.no_grad():
        for parameter in convolution.parameters():
            parameter.zero_()
    return convolution


def _skip_widths(unet: Any) -> list[int]:
    """Channels of the skips in the order in which the encoder makes them."""
    own = unet.config["block_out_channels"]
    widths = [own[0]]
    for block, width in zip(unet.down_blocks, own, strict=True):
        widths += [width] * (len(block.resnets) + bool(block.downsamplers))
    return widths
