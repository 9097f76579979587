"""An autoencoder that loses nothing, written into the weights of diffusers' AutoencoderKL.

Its latents are bands of the picture at full size, scaled to like spreads: brightness, what it loses
when it is smoothed, and two colours. Noise then drowns fine detail no earlier than the rest, and a
denoiser's loss counts it as much. Decoding smooths the first and adds the bands up: what noise a
denoiser leaves there is smoothed away.

How a linear map passes through the class's layers: the residual blocks' convolutions are zero.
Every value travels as a pair (v, -v), for silu(v) - silu(-v) = v. Pairs have no mean, and beside
pairs of a constant that is far greater than any value a group's spread is that constant's, so that
group normalisation changes values by a thousandth at most, and adds no dependence on the rest of
the picture: tiles decode alike. Convolutions pad with nothing: within `REACH` pixels of a border a
picture comes back exactly, but its latents are unlike those inside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

# Names of the bands and what they are multiplied with: about 1 / spread over the training corpus.
BANDS = {"low": 2.0, "high": 16.0, "blue": 8.0, "red": 8.0}
# Brightness and two colours of RGB, and back. Source: ITU-R BT.601 without its offsets.
LUMA = (0.299, 0.587, 0.114)
BLUE, RED = 1.772, 1.402  # B - Y and R - Y are divided by them
REACH = 2  # pixels: two smoothings by 3x3
POSTERIOR = 1e-3  # spread of the latents' posterior: there is nothing to be unsure of
CONSTANT = 64.0
GROUPS, WIDTH = 2, 16
VALUES = WIDTH // 4  # half of the channels are values, in pairs
DOT = torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
BOX = torch.full((3, 3), 1 / 9)

CONFIG = {
    "block_out_channels": (WIDTH,),
    "down_block_types": ("DownEncoderBlock2D",),
    "up_block_types": ("UpDecoderBlock2D",),
    "layers_per_block": 1,
    "latent_channels": len(BANDS),
    "norm_num_groups": GROUPS,
    "scaling_factor": 1.0,
    "shift_factor": 0.0,
    "force_upcast": False,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
    "mid_block_add_attention": False,
}


@torch.no_grad()
def build_vae() -> AutoencoderKL:
    """The autoencoder; pictures (B, 3, H, W) in [-1, 1], latents (B, 4, H, W)."""
    vae = AutoencoderKL(**CONFIG)
    for name, module in vae.named_modules():
        if ".resnets." in name and isinstance(module, nn.Conv2d):
            _zero(module)
    _write_encoder(vae.encoder)
    _write_decoder(vae.decoder)
    return vae


def _write_encoder(encoder: Any) -> None:
    """Brightness, also smoothed, and two colours enter; at the end it is smoothed again."""
    luma, blue, red = colour_rows()
    _pairs_in(encoder.conv_in, [luma, luma, blue, red], [DOT, BOX, DOT, DOT])
    _calm(encoder.conv_norm_out)
    low, high, *others = BANDS.values()
    outputs = [{0: low * DOT}, {0: high * DOT, 1: -high * BOX}]
    outputs += [{pair: scale * DOT} for pair, scale in enumerate(others, start=2)]
    _pairs_out(encoder.conv_out, outputs)
    encoder.conv_out.bias[len(BANDS) :] = 2 * math.log(POSTERIOR)


def _write_decoder(decoder: Any) -> None:
    """The first band enters smoothed and leaves smoothed again; red, green and blue leave."""
    low, high, blue, red = torch.eye(len(BANDS)) / torch.tensor(list(BANDS.values()))[:, None]
    _pairs_in(decoder.conv_in, [low, high, blue, red], [BOX, DOT, DOT, DOT])
    _calm(decoder.conv_norm_out)
    kernels = [BOX, DOT, DOT, DOT]
    luma, *colours = torch.linalg.inv(colour_rows()).T
    shares = torch.stack([luma, luma, *colours], dim=1)  # (3, 4)
    outputs = [{value: row[value] * kernels[value] for value in range(VALUES)} for row in shares]
    _pairs_out(decoder.conv_out, outputs)


def colour_rows() -> Tensor:
    """Rows that make brightness, blue and red difference of RGB, (3, 3)."""
    luma = torch.tensor(LUMA)
    unit = torch.eye(3)
    return torch.stack([luma, (unit[2] - luma) / BLUE, (unit[0] - luma) / RED])


def _pairs_in(conv: Any, mixes: Sequence[Tensor] | Tensor, kernels: Sequence[Tensor]) -> None:
    """Make the values: each a mix of the channels (c,), filtered by its kernel (3, 3).

    Of every group of channels the first half are values in pairs, the others the constant.
    """
    _zero(conv)
    for value in range(VALUES):
        channel = _channel(value)
        weights = mixes[value][:, None, None] * kernels[value]
        conv.weight[channel], conv.weight[channel + 1] = weights, -weights
        held = channel + WIDTH // GROUPS // 2
        conv.bias[held], conv.bias[held + 1] = CONSTANT, -CONSTANT


def _calm(norm: Any) -> None:
    """Undo the division by a group's spread: half of its channels are the constant."""
    nn.init.constant_(norm.weight, CONSTANT / math.sqrt(2))
    nn.init.zeros_(norm.bias)


def _pairs_out(conv: Any, outputs: Sequence[Mapping[int, Tensor]]) -> None:
    """Make each output of values by their kernels (3, 3)."""
    _zero(conv)
    for output, kernels in enumerate(outputs):
        for value, kernel in kernels.items():
            channel = _channel(value)
            conv.weight[output, channel], conv.weight[output, channel + 1] = kernel, -kernel


def _channel(value: int) -> int:
    """The first of a value's two channels: values are the first half of every group."""
    group, place = divmod(value, VALUES // GROUPS)
    return group * WIDTH // GROUPS + 2 * place


def _zero(module: nn.Module) -> None:
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
