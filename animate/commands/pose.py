"""Write a video of a video's skeletons, and their keypoints."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from animate.commands import options
from animate.config import Settings
from animate.progress import StageBars


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate pose`."""
    parser.usage = "animate pose VIDEO [-o OUT.mp4] [options]"
    parser.add_argument("driving", metavar="VIDEO", type=Path, help="the video to look at")
    options.add_output(parser, "VIDEO_pose.mp4 in the current folder")
    parser.add_argument(
        "--save-poses", type=Path, metavar="FILE.npz", help="keypoints (default: beside OUT)"
    )
    options.add_reading(parser)


def run(arguments: argparse.Namespace) -> None:
    """Track, write both files, and tell what was found."""
    start = time.monotonic()
    say = options.speaker(arguments)
    output = arguments.output or Path(f"{arguments.driving.stem}_pose.mp4")
    keypoints = arguments.save_poses or output.with_suffix(".npz")
    options.check_outputs(arguments, [output], keypoints)
    reading = {name: getattr(arguments, name) for name in options.READING}
    Settings(**reading)
    with StageBars(quiet=arguments.quiet) as bars:
        from animate.poses import save_poses, save_skeletons, track_video

        poses = track_video(arguments.driving, progress=bars, **reading)
        save_skeletons(output, poses, overwrite=arguments.force, progress=bars)
        save_poses(keypoints, poses, overwrite=arguments.force)
    say(f"Stages: {bars.summary()}")
    say(
        f"Wrote {output} and {keypoints}: {len(poses)} frames, {len(poses.filled)} of them "
        f"filled in, in {time.monotonic() - start:.1f} s"
    )
