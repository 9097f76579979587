"""Make a data set for training from films and photographs, and tell what was dropped and why."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from animate.commands import options
from animate.errors import UsageError
from animate.progress import StageBars


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate prepare`."""
    parser.usage = "animate prepare VIDEOS... -o DATASET [options]"
    parser.add_argument(
        "given", metavar="VIDEOS", nargs="*", type=Path, help="films, pictures, or folders of them"
    )
    parser.add_argument("-o", "--output", metavar="DATASET", type=Path, help="folder to fill")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: by cores)")
    parser.add_argument(
        "--shards", action="store_true", help="pack into WebDataset tars, for large sets"
    )
    _add_clips(parser.add_argument_group("clips"))
    _add_rules(parser.add_argument_group("what is kept"))
    _add_text(parser.add_argument_group("captions and control maps"))


def _add_clips(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--fps", type=float, metavar="F", help="resample to F frames per second")
    group.add_argument(
        "--longest", type=float, metavar="S", default=10.0, help="seconds of a clip (10)"
    )
    group.add_argument(
        "--short-side", type=int, metavar="PX", help="shrink to this, to save space and reading"
    )
    group.add_argument(
        "--pose-backend", metavar="NAME", default="auto", help="pose tracker, as for animate pose"
    )
    group.add_argument(
        "--smooth", type=float, metavar="S", default=0.3, help="calm the motion: 0 to 1 (0.3)"
    )


def _add_rules(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--people",
        choices=("one", "largest", "all", "any"),
        default="one",
        help="one: clips of a single person (default); largest: follow the largest; all: keep "
        "everybody's keypoints; any: do not look for persons (photographs for edge control)",
    )
    group.add_argument(
        "--rule",
        action="append",
        default=[],
        metavar="NAME=LIMIT",
        help="another limit, or off, for a rule; may be repeated",
    )
    group.add_argument("--rules", action="store_true", help="list the rules and their limits")


def _add_text(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--captions",
        type=Path,
        metavar="FILE.jsonl",
        help='lines {"file": NAME, "caption": TEXT}; else NAME.txt beside each file is read',
    )
    group.add_argument(
        "--captioner", metavar="NAME", help="describes the rest: blip:FOLDER with the model"
    )
    group.add_argument(
        "--control",
        dest="annotators",
        type=options.names,
        default=(),
        metavar="NAMES",
        help="control maps to store; canny needs none, it is made when a sample is loaded",
    )


def run(arguments: argparse.Namespace) -> None:
    """Prepare, and say what became of it."""
    from animate.training.prepare.rules import parse_limits, table

    limits = parse_limits(arguments.rule)
    if arguments.rules:
        print("\n".join(table(limits)))
        return
    if not arguments.given or arguments.output is None:
        raise UsageError("give films or folders, and a folder to fill: animate prepare VIDEOS... "
                         "-o DATASET")  # fmt: skip
    from animate.checks import check_count

    check_count("workers", arguments.workers, at_least=1)
    from animate.training.prepare.plan import Plan
    from animate.training.prepare.run import prepare
    from animate.training.prepare.work import default_workers

    names = ("people", "fps", "longest", "short_side", "pose_backend", "smooth", "captions",
             "captioner", "annotators")  # fmt: skip
    plan = Plan(limits=limits, **{name: getattr(arguments, name) for name in names})
    say = options.speaker(arguments)
    start = time.monotonic()
    try:
        with StageBars(quiet=arguments.quiet) as bars:
            done = prepare(
                arguments.given,
                arguments.output,
                plan,
                workers=arguments.workers or default_workers(),
                shards=arguments.shards,
                progress=bars,
            )
    except KeyboardInterrupt:
        line = "animate prepare: interrupted; what is done is kept, the same command goes on there"
        print(line, file=sys.stderr)
        raise SystemExit(128 + signal.SIGINT) from None
    for line in done.lines():
        say(line)
    say(f"Wrote {done.folder} (report.html tells all), in {time.monotonic() - start:.1f} s")
