"""Argument types and option groups that several subcommands share."""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Sequence
from pathlib import Path

from animate.errors import UsageError
from animate.files import check_output
from animate.progress import Report, unheard

READING = ("frames", "stride", "fps", "pose_backend")  # the settings of add_reading


def size(text: str) -> tuple[int, int]:
    """`512x768` -> (512, 768)."""
    match = re.fullmatch(r"(\d+)[xX](\d+)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT such as 576x1024, got {text!r}")
    return int(match[1]), int(match[2])


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Options about which frames are read and who finds the poses in them."""
    group = parser.add_argument_group("reading the driving video")
    group.add_argument("--frames", type=int, metavar="N", help="use at most N frames")
    group.add_argument("--stride", type=int, metavar="N", default=1, help="use every N-th frame")
    group.add_argument("--fps", type=float, metavar="F", help="resample to F frames per second")
    group.add_argument(
        "--pose-backend", metavar="NAME", default="auto", help="pose tracker (default: auto)"
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
        check_output(poses, overwrite=arguments.force, suffixes=(".npz",))


def speaker(arguments: argparse.Namespace) -> Report:
    """Where the lines for the user go: to standard output at once, or nowhere with --quiet."""
    return unheard if arguments.quiet else functools.partial(print, flush=True)
