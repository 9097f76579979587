"""Make the control map of a picture or, frame by frame, of a video."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from animate.annotators.kinds import KINDS
from animate.commands import options
from animate.config import DEVICES, LOOKS
from animate.progress import StageBars


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate annotate`."""
    parser.usage = "animate annotate IN --kind KIND [-o OUT.png|OUT.mp4] [options]"
    parser.add_argument("source", metavar="IN", type=Path, help="a picture or a video")
    parser.add_argument("--kind", choices=tuple(KINDS), required=True, help="what the map shows")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="default: IN_KIND.png or .mp4 in the current folder",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing output")
    parser.add_argument(
        "--size", type=options.size, metavar="WxH", help="of the map (default: that of IN)"
    )
    group = parser.add_argument_group("how it is made")
    group.add_argument(
        "--method",
        default="auto",
        metavar="NAME",
        help="softedge: hed | classical; lines: mlsd | lsd (default: the first that is here)",
    )
    group.add_argument(
        "--model", type=Path, metavar="FOLDER", help="weights of a learned method, from here"
    )
    group.add_argument("--device", choices=DEVICES, default="auto", help="where they run")
    group.add_argument("--low", type=float, metavar="N", help="canny: weak edges from here, 0-255")
    group.add_argument("--high", type=float, metavar="N", help="canny: strong edges from here")
    group.add_argument("--thin", action="store_true", help="softedge: only ridges of one pixel")
    group.add_argument(
        "--shortest",
        type=float,
        metavar="S",
        default=0.04,
        help="lines: none below this part of the short side (0.04)",
    )
    group.add_argument(
        "--look",
        choices=LOOKS,
        default="openpose",
        help="pose: how to draw, as the checkpoint wants it (openpose)",
    )
    options.add_reading(parser)


def run(arguments: argparse.Namespace) -> None:
    """Make the map, write it, and tell who made it."""
    start = time.monotonic()
    say = options.speaker(arguments)
    from animate.annotators import files
    from animate.annotators.settings import MapSettings
    from animate.files import is_film, keep_inputs

    settings = MapSettings(
        look=arguments.look,
        pose_backend=arguments.pose_backend,
        low=arguments.low,
        high=arguments.high,
        thin=arguments.thin,
        shortest=arguments.shortest,
        model=arguments.model,
        device=arguments.device,
    )
    source, kind = arguments.source, arguments.kind
    film = is_film(source)
    output = arguments.output or files.output_for(source, kind, film)
    keep_inputs(output, source)
    wanted = {"method": arguments.method, "settings": settings, "size": arguments.size}
    if film:
        with StageBars(quiet=arguments.quiet) as bars:
            asked = options.settings(arguments)
            method, frames = files.annotate_film(
                source, output, kind, **wanted, reading=asked, overwrite=arguments.force,
                progress=bars,
            )  # fmt: skip
        shown = f"{frames} frames"
    else:
        made = files.annotate_picture(source, output, kind, **wanted, overwrite=arguments.force)
        method = made.method
        shown = f"{made.picture.shape[1]}x{made.picture.shape[0]}"
    say(f"Wrote {output}: {kind} by {method}, {shown}, in {time.monotonic() - start:.1f} s")
