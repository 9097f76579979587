"""Say how good an animated video is: motion, character, steadiness, fidelity to a truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from animate.commands import options
from animate.progress import StageBars


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate eval`."""
    parser.usage = "animate eval RESULT --driving VIDEO --ref IMAGE [--truth VIDEO] [options]"
    parser.add_argument("result", metavar="RESULT", type=Path, help="the animated video")
    parser.add_argument(
        "--driving",
        metavar="VIDEO",
        type=Path,
        required=True,
        help="the motion it was to follow: a video, keypoints or skeletons",
    )
    parser.add_argument(
        "--ref", metavar="IMAGE", type=Path, required=True, help="picture of the character"
    )
    parser.add_argument(
        "--truth", metavar="VIDEO", type=Path, help="what the result should show, frame by frame"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, alone")
    options.add_reading(parser)


def run(arguments: argparse.Namespace) -> None:
    """Judge, and print the figures."""
    arguments.quiet = arguments.quiet or arguments.json
    say = options.speaker(arguments)
    asked = options.settings(arguments)
    with StageBars(quiet=arguments.quiet) as bars:
        from animate.judge import evaluate

        found = evaluate(
            arguments.result,
            arguments.driving,
            arguments.ref,
            truth=arguments.truth,
            progress=bars,
            **vars(asked),
        )
    if arguments.json:
        print(found.to_json())
    for line in found.lines():
        say(line)
