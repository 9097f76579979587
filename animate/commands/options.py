"""Argument types and option groups that several subcommands share."""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from animate.config import UNET_KINDS, VARIANTS, Guidance, Person, Settings
from animate.errors import UsageError
from animate.files import check_output
from animate.progress import Report, unheard


def size(text: str) -> tuple[int, int]:
    """`512x768` -> (512, 768)."""
    match = re.fullmatch(r"(\d+)[xX](\d+)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT such as 576x1024, got {text!r}")
    return int(match[1]), int(match[2])


def guidance(text: str) -> Guidance:
    """`3` or `1:3`."""
    try:
        scales = [float(part) for part in text.split(":")]
    except ValueError:
        scales = []
    if len(scales) not in (1, 2):
        raise argparse.ArgumentTypeError(f"expected G or FROM:TO such as 1:3, got {text!r}")
    return scales[0] if len(scales) == 1 else (scales[0], scales[1])


def lora(text: str) -> tuple[str, float]:
    """`FILE` or `FILE:0.8` -> (FILE, scale)."""
    file, colon, scale = text.rpartition(":")
    try:
        return (file, float(scale)) if colon and file else (text, 1.0)
    except ValueError:
        return text, 1.0  # the colon belongs to the name


def names(text: str) -> tuple[str, ...]:
    """`cuda:0,cuda:1` -> both names."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def person(text: str) -> Person:
    """`largest`, `all`, `2` or `320,480`."""
    from pose.identity import parse_person  # needs numpy, which --help can do without

    try:
        return parse_person(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def settings(arguments: argparse.Namespace) -> Settings:
    """The settings among the arguments, validated."""
    known = {field.name for field in fields(Settings)}
    chosen = {name: value for name, value in vars(arguments).items() if name in known}
    if "lora" in chosen:
        chosen["lora"] = tuple(chosen["lora"] or ())
    return Settings(**chosen)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Options about which frames are read and who finds the poses in them."""
    group = parser.add_argument_group("reading the driving video")
    group.add_argument("--frames", type=int, metavar="N", help="use at most N frames")
    group.add_argument("--stride", type=int, metavar="N", default=1, help="use every N-th frame")
    group.add_argument("--fps", type=float, metavar="F", help="resample to F frames per second")
    group.add_argument(
        "--pose-backend",
        metavar="NAME",
        default="auto",
        help="pose tracker: auto (default), mediapipe, dwpose, or NAME:FOLDER with its models",
    )
    group.add_argument(
        "--person",
        type=person,
        metavar="WHO",
        default="largest",
        help="largest (default), all, a number (see animate pose --overlay), or a point X,Y on it",
    )
    group.add_argument(
        "--smooth", type=float, metavar="S", default=0.3, help="calm the motion: 0 to 1 (0.3)"
    )
    group.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="track anew, even if this very video was tracked before",
    )


def add_parts(parser: argparse.ArgumentParser) -> None:
    """Options about files that make up or replace parts of the model."""
    group = parser.add_argument_group("parts of the model (left open, its own or the Hub's cache)")
    group.add_argument(
        "--controlnext",
        metavar="PATH",
        help="control encoder: a file or folder, ours or official; or the folder of a ControlNet",
    )
    group.add_argument(
        "--unet",
        metavar="PATH",
        help="UNet weights, all, some, or increments: a file or folder, ours or official",
    )
    group.add_argument(
        "--unet-as",
        choices=UNET_KINDS,
        default="auto",
        help="what they are (auto: by the file's name and a look at the values)",
    )
    group.add_argument("--base", metavar="FOLDER", help="Stable Video Diffusion, diffusers' layout")
    group.add_argument(
        "--variant",
        choices=VARIANTS,
        help="which official encoder --controlnext is, where its file cannot tell",
    )
    group.add_argument(
        "--allow-pickle", action="store_true", help="also read .bin files, of them only tensors"
    )


def add_output(parser: argparse.ArgumentParser, default: str) -> None:
    """Options about where the result goes."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help=f"video to write (default: {default})"
    )
    group.add_argument("--force", action="store_true", help="replace existing outputs")


def check_outputs(
    arguments: argparse.Namespace, videos: Sequence[Path | None], poses: Path | None
) -> None:
    """Fail before the long work if an output could not be written after it; None is no output."""
    taken = {arguments.driving.resolve(), getattr(arguments, "ref", arguments.driving).resolve()}
    for video in filter(None, videos):
        if video.resolve() in taken:
            raise UsageError(f"{video} is an input or named twice; give the output another name")
        check_output(video, overwrite=arguments.force)
        taken.add(video.resolve())
    if poses is not None:
        from animate.poses import check_poses

        if poses.resolve() in taken:
            raise UsageError(f"{poses} is an input or named twice; give the keypoints another name")
        check_poses(poses, overwrite=arguments.force)


def speaker(arguments: argparse.Namespace) -> Report:
    """Where the lines for the user go: to standard output at once, or nowhere with --quiet."""
    return unheard if arguments.quiet else functools.partial(print, flush=True)
