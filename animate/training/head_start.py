"""Weights with which an enlarger begins where bicubic interpolation ends, not at noise.

Written into SD3's transformer and ControlNeXt: of noisy latents x and those of the picture as it is
when enlarged smoothly, c, they say (x - c) / t, the velocity that leads to c from anywhere. All but
that is left to be learnt: the transformer's blocks begin as nothing (adaLN-Zero, arXiv 2212.09748),
as do the encoder's second paths.

A token's channels are its latents (`VALUES`), constants, and free ones. Constants far greater than
the values keep what divides by a spread nearly linear: layer, group and cross-normalisation; common
shifts of all channels are taken out by the constants' mean. See also animate/training/bands.py.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from animate.training.bands import BANDS, BOX, DOT, colour_rows
from animate.training.stills import FLOW_STEPS

TOKEN = 4  # latents along a token's side
VALUES = len(BANDS) * TOKEN**2  # channels of a token that hold its latents
CONSTANTS = 32  # channels behind them
CONSTANT = 10.0  # in tokens and in control features
STEM_CONSTANT = 16.0
STEM = (32, 32, 64)  # widths of the encoder's first three convolutions
LEVEL = 128  # and of the two halving ones
LEAST_TIME = 0.2  # shares of noise below it are treated alike
RIDGE = 0.1
# Factors on the learning rate, by beginnings of the weights' names: what was written into layers
# beside large constants falls apart at the rate that suits the rest.
RATES = {
    "controlnext.embedding.": 0.01,
    "controlnext.down_res.0.conv_shortcut": 0.1,
    "controlnext.down_sample.": 0.2,
    "controlnext.mid_convs.1": 0.2,
    "transformer.pos_embed.": 0.1,
    "transformer.time_text_embed.": 0.05,
    "transformer.norm_out.": 0.1,
    "transformer.proj_out.": 0.2,
}
FAST_WAVES = 48  # of 128 that tell the time: those shorter than a fifth of it
TIME_GAIN = 4.0


@torch.no_grad()
def give_head_start(transformer: Any, encoder: Any) -> None:
    """Write the weights into a fresh transformer (4 latents, patch 4) and encoder, in place."""
    _write_tokens(transformer)
    for block in transformer.transformer_blocks:
        for norm in (block.norm1, block.norm1_context):
            _zero(norm.linear)
    _write_output(transformer)
    _write_stem(encoder.embedding)
    _write_level(encoder.down_res[0], encoder.down_sample[0].conv)
    _write_end(*encoder.mid_convs)


def _write_tokens(transformer: Any) -> None:
    """Latents enter as they are; positions are told in the free channels alone."""
    embed = transformer.pos_embed
    embed.proj.weight[: VALUES + CONSTANTS] = 0.0
    embed.proj.bias[: VALUES + CONSTANTS] = 0.0
    for place in range(TOKEN**2):
        for band in range(len(BANDS)):
            row, column = divmod(place, TOKEN)
            embed.proj.weight[_value(row, column, band), band, row, column] = 1.0
    embed.proj.bias[VALUES : VALUES + CONSTANTS] = _constants(CONSTANTS, CONSTANT)
    free = embed.pos_embed.shape[-1] - VALUES - CONSTANTS
    told = embed.pos_embed[..., :: embed.pos_embed.shape[-1] // free].clone()
    embed.pos_embed.zero_()
    embed.pos_embed[..., VALUES + CONSTANTS :] = told


def _write_output(transformer: Any) -> None:
    """What is in the values, divided by the time."""
    width = transformer.proj_out.in_features
    # Constants of the tokens and those of the control add up; layer normalisation divides by this.
    spread = 2 * CONSTANT * (CONSTANTS / width) ** 0.5
    _zero(transformer.proj_out)
    weight = transformer.proj_out.weight
    weight[:, :VALUES] = spread * torch.eye(VALUES)
    weight[:, VALUES : VALUES + CONSTANTS] = -spread / CONSTANTS
    linear = transformer.norm_out.linear
    _zero(linear)
    _calm_time(transformer.time_text_embed.timestep_embedder)
    time = torch.linspace(0.01, 1.0, 4000)
    pooled = torch.zeros(len(time), transformer.config.pooled_projection_dim)
    seen = nn.functional.silu(transformer.time_text_embed(time * FLOW_STEPS, pooled))
    wanted = 1 / time.clamp(min=LEAST_TIME) - 1
    seen = torch.cat([seen, torch.ones(len(time), 1)], dim=1).double()
    inverse = seen.T @ seen + RIDGE * torch.eye(seen.shape[1], dtype=torch.float64)
    fit = torch.linalg.solve(inverse, seen.T @ wanted.double()).float()
    linear.weight[:width], linear.bias[:width] = fit[:-1], fit[-1]


def _calm_time(embedder: Any) -> None:
    """Tell the time by slow waves alone, and louder: 1 / t is to be read from them."""
    waves = embedder.linear_1.weight.shape[1] // 2
    for first in (0, waves):
        embedder.linear_1.weight[:, first : first + FAST_WAVES] = 0.0
    embedder.linear_1.weight.mul_(TIME_GAIN)


def _write_stem(stem: Any) -> None:
    """Pixels [0, 1] as pairs (v, -v) of bands, each at the 2x2 places of a cell."""
    colours = colour_rows()
    pixels = torch.zeros(12, 3, 3, 3)
    for place in range(4):
        row, column = divmod(place, 2)
        # Stride 2 and one pixel of padding: a cell's pixels are at taps 1 and 2.
        pixels[3 * place : 3 * place + 3, :, 1 + row, 1 + column] = 2 * colours
    _into_pairs(stem[0], pixels, -pixels.sum(dim=(1, 2, 3)) / 2)
    _calm(stem[1])
    same = torch.eye(12)[:, :, None, None] * DOT
    _into_pairs(stem[3], _of_pairs(same, stem[3].in_channels))
    _calm(stem[4])
    _into_pairs(stem[6], _of_pairs(_band_kernels(), stem[6].in_channels))
    _calm(stem[7])


def _band_kernels() -> Tensor:
    """Bands of 2x2 places from brightness and colours of 2x2 places, (16, 12, 3, 3)."""
    blur = nn.functional.conv2d(BOX[None, None], BOX[None, None], padding=2)[0, 0]  # (5, 5)
    low, high, *others = BANDS.values()
    kernels = torch.zeros(16, 12, 3, 3)
    for place in range(4):
        row, column = divmod(place, 2)
        first = len(BANDS) * place
        for down in range(-2, 3):
            for across in range(-2, 3):
                cell, inside = divmod(row + down, 2), divmod(column + across, 2)
                source = 3 * (2 * cell[1] + inside[1])
                kernels[first + 1, source, 1 + cell[0], 1 + inside[0]] = (
                    -high * blur[2 + down, 2 + across]
                )
        kernels[first, 3 * place, 1, 1] = low
        kernels[first + 1, 3 * place, 1, 1] += high
        for band, scale in enumerate(others, start=1):
            kernels[first + 1 + band, 3 * place + band, 1, 1] = scale
    return kernels


def _write_level(block: Any, halve: Any) -> None:
    """Bands go on in the first channels, from cells of 2x2 to tokens of 4x4; the rest is fresh."""
    _zero(block.conv2)
    bands = _of_pairs(torch.eye(16)[:, :, None, None], block.conv_shortcut.in_channels)
    shortcut = block.conv_shortcut.weight
    shortcut[:, _held(shortcut.shape[1])] = 0.0
    shortcut[:16], block.conv_shortcut.bias[:16] = bands, 0.0
    halve.weight[:VALUES], halve.bias[:VALUES] = 0.0, 0.0
    for cell in range(4):
        for place in range(4):
            row, column = 2 * (cell // 2) + place // 2, 2 * (cell % 2) + place % 2
            for band in range(len(BANDS)):
                source = len(BANDS) * place + band
                target = _value(row, column, band)
                halve.weight[target, source, 1 + cell // 2, 1 + cell % 2] = 1.0


def _write_end(middle: Any, project: Any) -> None:
    """Bands leave with their sign changed, beside constants; the middle begins as nothing."""
    _zero(middle[-1])
    project.weight[: VALUES + CONSTANTS] = 0.0
    project.weight[:VALUES, :VALUES, 0, 0] = -torch.eye(VALUES)
    project.bias[:VALUES] = 0.0
    project.bias[VALUES : VALUES + CONSTANTS] = _constants(CONSTANTS, CONSTANT)


def _value(row: int, column: int, band: int) -> int:
    """The channel of a token that holds a latent: the order in which SD3 takes tokens apart."""
    return (row * TOKEN + column) * len(BANDS) + band


def _constants(count: int, constant: float) -> Tensor:
    return constant * torch.tensor([1.0, -1.0]).repeat(count // 2)


def _channels(width: int, values: int) -> list[int]:
    """The first channels of values' pairs in a stem of two groups: half of the values in each."""
    half = values // 2
    return [(width // 2) * (value // half) + 2 * (value % half) for value in range(values)]


def _held(width: int) -> list[int]:
    """The channels that hold constants in a stem's layer: behind the pairs in either group."""
    values, count = (12, 4) if width == STEM[0] else (16, 8)
    return [width // 2 * group + values + n for group in range(2) for n in range(count)]


def _into_pairs(conv: Any, weights: Tensor, bias: Tensor | None = None) -> None:
    """Make values (V, c, 3, 3) as pairs, and the constants; further channels stay fresh."""
    held = _held(conv.out_channels)
    conv.weight[held], conv.bias[held] = 0.0, _constants(len(held), STEM_CONSTANT)
    bias = torch.zeros(len(weights)) if bias is None else bias
    for value, channel in enumerate(_channels(conv.out_channels, len(weights))):
        for offset, sign in ((0, 1.0), (1, -1.0)):
            conv.weight[channel + offset] = sign * weights[value]
            conv.bias[channel + offset] = sign * bias[value]
    if conv.in_channels in STEM:
        conv.weight[:, _held(conv.in_channels)] = 0.0


def _of_pairs(weights: Tensor, width: int) -> Tensor:
    """Weights (V, v, k, k) on values as weights on their pairs, (V, width, k, k)."""
    on_pairs = torch.zeros(weights.shape[0], width, *weights.shape[2:])
    for value, channel in enumerate(_channels(width, weights.shape[1])):
        on_pairs[:, channel], on_pairs[:, channel + 1] = weights[:, value], -weights[:, value]
    return on_pairs


def _calm(norm: Any) -> None:
    """Undo the division by a group's spread, which is that of its constants."""
    width = norm.num_channels
    share = len(_held(width)) / width
    nn.init.constant_(norm.weight, STEM_CONSTANT * share**0.5)
    nn.init.zeros_(norm.bias)


def _zero(module: nn.Module) -> None:
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
