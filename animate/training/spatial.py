"""Training SVD's spatio-temporal models on single images first: cheaper, and it loses nothing.

``zero_temporal`` makes every temporal layer the identity, ``spatial_only`` skips them while that
is still true. Training then starts with single frames and continues on clips from the very
function it had reached. ``tune_for_cpu`` chooses memory layouts that oneDNN runs fastest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.autoencoders import AutoencoderKLTemporalDecoder
from diffusers.models.resnet import SpatioTemporalResBlock
from diffusers.models.transformers.transformer_temporal import TransformerSpatioTemporalModel
from einops import rearrange
from torch import Tensor, nn


@torch.no_grad()
def zero_temporal(model: nn.Module) -> None:
    """Make the temporal layers of a UNet or video decoder the identity, in place."""
    for module in model.modules():
        if isinstance(module, SpatioTemporalResBlock):
            _zero(module.temporal_res_block.conv2)
        elif isinstance(module, TransformerSpatioTemporalModel):
            _zero(module.time_pos_embed.linear_2)
            for block in module.temporal_transformer_blocks:
                _zero(block.ff_in.net[2])
                _zero(block.attn1.to_out[0])
                _zero(block.ff.net[2])
                if block.attn2 is not None:
                    _zero(block.attn2.to_out[0])
    if isinstance(model, AutoencoderKLTemporalDecoder):
        _identity_over_time(model.decoder.time_conv_out)


@contextmanager
def spatial_only(model: nn.Module) -> Iterator[None]:
    """Run the model's blocks without their temporal halves; frames must be independent samples.

    Equal to the whole model while the temporal layers are the identity (``zero_temporal``).
    """
    blocks = [
        module
        for module in model.modules()
        if isinstance(module, (SpatioTemporalResBlock, TransformerSpatioTemporalModel))
    ]
    for block in blocks:
        forward = _resnet if isinstance(block, SpatioTemporalResBlock) else _transformer
        block.forward = partial(forward, block)
    try:
        yield
    finally:
        for block in blocks:
            del block.forward  # uncovers the class's own method


def tune_for_cpu(model: nn.Module) -> None:
    """Prefer layouts and kernels that train fastest on a CPU; the function stays the same.

    Convolutions run about twice as fast with channels last, group normalisation in bfloat16 far
    slower, so it alone sees contiguous input. The explicit attention has the quicker backward.
    """
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    for module in model.modules():
        if isinstance(module, nn.GroupNorm):
            module.register_forward_pre_hook(_contiguous_input)
    set_processor: Any = getattr(model, "set_attn_processor", None)
    if set_processor is not None:
        set_processor(AttnProcessor())


def _contiguous_input(module: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
    return (args[0].contiguous(),)


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        parameter.zero_()


def _identity_over_time(conv: nn.Conv3d) -> None:
    _zero(conv)
    centre = conv.kernel_size[0] // 2
    for channel in range(conv.out_channels):
        conv.weight[channel, channel, centre] = 1.0


def _resnet(
    block: SpatioTemporalResBlock,
    hidden_states: Tensor,
    temb: Tensor | None = None,
    image_only_indicator: Tensor | None = None,
) -> Tensor:
    result: Tensor = block.spatial_res_block(hidden_states, temb)
    return result


def _transformer(
    block: TransformerSpatioTemporalModel,
    hidden_states: Tensor,
    encoder_hidden_states: Tensor | None = None,
    image_only_indicator: Tensor | None = None,
    return_dict: bool = True,
) -> tuple[Any, ...]:
    height = hidden_states.shape[-2]
    tokens = block.proj_in(rearrange(block.norm(hidden_states), "n c h w -> n (h w) c"))
    for layer in block.transformer_blocks:
        tokens = layer(tokens, encoder_hidden_states=encoder_hidden_states)
    residual = rearrange(block.proj_out(tokens), "n (h w) c -> n c h w", h=height)
    return (residual.contiguous() + hidden_states,)
