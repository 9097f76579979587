"""Make a picture or a film larger, up to four times, with detail that SD3 adds."""

from __future__ import annotations

import argparse
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

from animate.commands import options
from animate.config import DEVICES, DTYPES
from animate.progress import StageBars


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate upscale`."""
    parser.usage = "animate upscale IN [-o OUT.png|OUT.mp4] [options]"
    add = parser.add_argument
    add("source", metavar="IN", type=Path, help="the picture or film to enlarge")
    add("-o", "--output", metavar="OUT", type=Path, help="default: IN_large.png or .mp4")
    add("--force", action="store_true", help="replace an existing output")
    add("--factor", type=float, metavar="F", default=4.0, help="above 1, at most 4 (4)")
    add("--model", metavar="NAME", default="mini-sd3", help="sd3, mini-sd3 or a folder (mini-sd3)")
    add("--weights", metavar="PATH", help="the ControlNeXt part (default: the model's own)")
    add("--prompt", default="", help="what the picture shows")
    add("--guidance", type=float, metavar="G", help="guidance scale, 1 is off (the model's own)")
    add("--control-scale", type=float, metavar="S", default=1.0, help="how strictly it is followed")
    add("--detail", type=float, metavar="D", help="added detail, times this (the model's own)")
    add("--steps", type=int, metavar="N", help="denoising steps (default: the model's own)")
    add("--seed", type=int, metavar="N", default=0, help="noise (0)")
    add("--tile", type=int, metavar="N", help="pixels of a tile's side (the model's own size)")
    add("--overlap", type=float, metavar="S", default=0.25, help="share that tiles share (0.25)")
    add(
        "--no-faithful",
        dest="faithful",
        action="store_false",
        help="leave the result as the model makes it; else, scaled down, it is the picture",
    )
    add("--device", choices=DEVICES, default="auto")
    add("--dtype", choices=DTYPES, default="auto")


def run(arguments: argparse.Namespace) -> None:
    """Enlarge, write, and tell what was done."""
    from animate.enlarge_settings import UpscaleSettings
    from animate.files import is_film, keep_inputs

    start = time.monotonic()
    source: Path = arguments.source
    film = is_film(source)
    output = arguments.output or source.with_name(
        f"{source.stem}_large{'.mp4' if film else '.png'}"
    )
    keep_inputs(output, source)
    names = {field.name for field in fields(UpscaleSettings)}
    settings = {name: value for name, value in vars(arguments).items() if name in names}
    say = options.speaker(arguments)
    with StageBars(quiet=arguments.quiet) as bars:
        told = {"overwrite": arguments.force, "progress": bars, "report": say, **settings}
        made = (_film if film else _picture)(source, output, **told)
    say(f"Wrote {output}: {made}, in {time.monotonic() - start:.1f} s")


def _picture(source: Path, output: Path, *, overwrite: bool, **told: Any) -> str:
    from animate.enlarge import upscale
    from animate.files import check_output
    from animate.still_files import PICTURES, write_picture

    check_output(output, overwrite=overwrite, suffixes=PICTURES)
    large = upscale(source, **told)
    write_picture(output, large, overwrite=overwrite)
    return f"{large.shape[1]}x{large.shape[0]}"


def _film(source: Path, output: Path, **told: Any) -> str:
    from animate.enlarge_film import upscale_film

    return f"{upscale_film(source, output, **told)} frames"
