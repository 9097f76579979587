"""The judge's part in the plain command: after the video is whole, before the last word."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from animate.files import check_output
from animate.progress import Progress, Report

if TYPE_CHECKING:
    from animate.result import Result


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Declare the option that leaves the judge out."""
    group.add_argument(
        "--no-eval",
        dest="eval",
        action="store_false",
        help="do not judge the result: no figures are printed, or kept beside --save-poses",
    )


def figures_path(arguments: argparse.Namespace) -> Path | None:
    """Where the figures are kept: beside the keypoints, if those are kept."""
    poses: Path | None = arguments.save_poses
    return poses.with_name(f"{poses.stem}.eval.json") if poses and arguments.eval else None


def check(arguments: argparse.Namespace) -> None:
    """Raise OutputError now if the figures could not be written later."""
    path = figures_path(arguments)
    if path is not None:
        check_output(path, overwrite=arguments.force, suffixes=(".json",))


def judge(
    arguments: argparse.Namespace, result: Result, output: Path, say: Report, progress: Progress
) -> None:
    """Print the figures and keep them where keypoints are kept; the video stays, whatever comes."""
    kept = figures_path(arguments) if result.poses is not None else None
    if not arguments.eval or (arguments.quiet and kept is None):
        return
    from animate.judge.telling import tell_figures

    panel = result.panel_width if arguments.compare else None
    told = tell_figures(result, arguments.ref, output, kept, say, progress, panel=panel)
    if told and kept is not None:
        say(f"Wrote {kept}: the judge's figures")
