"""The judge's part in the plain command: after the video is whole, before the last word."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from animate.errors import AnimateError
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
    if result.poses is None:
        say("Not judged: finished skeletons hold no keypoints to compare the result with")
        return
    from animate.judge.films import evaluate_run, save_evaluation, written_film
    from pose.errors import PoseError
    from pose.video import load_image

    try:
        film = written_film(output, result.panel_width if arguments.compare else None)
        found = evaluate_run(result, load_image(arguments.ref), film=film, progress=progress)
        if kept is not None:
            save_evaluation(kept, found)
    except (AnimateError, PoseError) as error:
        say(f"Not judged: {error}")
        return
    for line in found.lines():
        say(line)
    if kept is not None:
        say(f"Wrote {kept}: the judge's figures")
