"""Turn official checkpoints of ControlNeXt into ours, and back."""

from __future__ import annotations

import argparse
from pathlib import Path

from animate.commands import options
from animate.config import UNET_KINDS, VARIANTS

# Keys of animate.convert.NUMBERS.
NUMBERS = ("fp32", "fp16", "bf16")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate convert`."""
    parser.usage = "animate convert IN -o OUT --to ours|official [options]"
    parser.add_argument(
        "source",
        metavar="IN",
        type=Path,
        help="control encoder, UNet (all, some, increments) or both: a file or folder",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help="a .safetensors file for one of them, or a folder",
    )
    parser.add_argument("--to", choices=("ours", "official"), required=True, help="form of OUT")
    parser.add_argument(
        "--dtype",
        choices=NUMBERS,
        help="number format of OUT (default: fp32 for the encoder, that of IN for the UNet)",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing OUT")
    group = parser.add_argument_group("about IN and its base")
    group.add_argument("--variant", choices=VARIANTS, help="which official encoder IN holds")
    group.add_argument(
        "--unet-as", choices=UNET_KINDS, default="auto", help="what IN's UNet tensors are"
    )
    group.add_argument(
        "--base",
        metavar="FOLDER",
        type=Path,
        help="Stable Video Diffusion: ours becomes a complete model for --model; official keeps "
        "only what differs from it",
    )
    group.add_argument(
        "--increments", action="store_true", help="write differences from the base's UNet"
    )
    group.add_argument(
        "--allow-pickle", action="store_true", help="also read .bin files, of them only tensors"
    )


def run(arguments: argparse.Namespace) -> None:
    """Convert, and tell what was assumed and written."""
    from animate.convert import convert

    lines = convert(
        arguments.source,
        arguments.output,
        arguments.to,
        variant=arguments.variant,
        base=arguments.base,
        unet_as=arguments.unet_as,
        increments=arguments.increments,
        number=arguments.dtype,
        allow_pickle=arguments.allow_pickle,
        overwrite=arguments.force,
    )
    for line in lines:
        options.speaker(arguments)(line)
