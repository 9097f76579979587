"""Write a video of a video's skeletons and their keypoints, and say whether to go on."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from animate.commands import options
from animate.config import LOOKS
from animate.errors import UsageError
from animate.progress import StageBars


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate pose`."""
    parser.usage = "animate pose VIDEO [-o OUT.mp4] [options]"
    parser.add_argument("driving", metavar="VIDEO", type=Path, help="the video to look at")
    options.add_output(parser, "VIDEO_pose.mp4 in the current folder")
    group = parser.add_argument_group("what to write")
    group.add_argument(
        "--save-poses",
        type=Path,
        metavar="FILE.npz|FOLDER",
        help="keypoints (default: an npz beside OUT); a folder gets OpenPose JSON",
    )
    group.add_argument(
        "--overlay", type=Path, metavar="FILE.mp4", help="also the film with the skeletons on it"
    )
    group.add_argument(
        "--look", choices=LOOKS, default="official", help="how to draw (default: official)"
    )
    group.add_argument("--json", action="store_true", help="print the report as JSON, alone")
    options.add_reading(parser)


def run(arguments: argparse.Namespace) -> None:
    """Track, write the files, and tell what was found."""
    start = time.monotonic()
    arguments.quiet = arguments.quiet or arguments.json
    say = options.speaker(arguments)
    output = arguments.output or Path(f"{arguments.driving.stem}_pose.mp4")
    keypoints = arguments.save_poses or output.with_suffix(".npz")
    options.check_outputs(arguments, [output, arguments.overlay], keypoints)
    asked = options.settings(arguments)
    with StageBars(quiet=arguments.quiet) as bars:
        from animate.poses import save_overlay, save_poses, save_skeletons, track_video
        from pose.report import preflight

        source, poses = track_video(arguments.driving, asked, progress=bars)
        if arguments.overlay and source.film is None:
            raise UsageError(f"--overlay needs a film, and {source.path} holds keypoints")
        save_skeletons(output, poses, look=arguments.look, overwrite=arguments.force, progress=bars)
        save_poses(keypoints, poses, overwrite=arguments.force)
        if arguments.overlay and source.film is not None:
            save_overlay(
                arguments.overlay, poses, source.film, overwrite=arguments.force, progress=bars
            )
    reports = [preflight(poses, slot) for slot in range(poses.people)]
    if arguments.json:
        print(json.dumps([report.to_dict() for report in reports], indent=1))
    for report in reports:
        for line in report.lines():
            say(line)
    say(f"Stages: {bars.summary()}")
    written = " and ".join(str(path) for path in (output, keypoints, arguments.overlay) if path)
    say(f"Wrote {written}: {len(poses)} frames, in {time.monotonic() - start:.1f} s")
