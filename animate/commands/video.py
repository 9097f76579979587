"""Make the character in a picture move like the person in a video."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from animate.commands import judging, options
from animate.config import (
    ALIGNMENTS,
    ATTENTIONS,
    DEVICES,
    DTYPES,
    OFFLOADS,
    RAMPS,
    SCHEDULERS,
    WINDOWS,
    Settings,
)
from animate.journal import forget, journal_path
from animate.progress import Progress, Report, StageBars

if TYPE_CHECKING:
    from animate.result import Result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the plain form."""
    parser.usage = "animate VIDEO --ref IMAGE [-o OUT.mp4] [options]"
    parser.add_argument(
        "driving",
        metavar="VIDEO",
        type=Path,
        help="the motion to follow: a video, keypoints or skeletons",
    )
    parser.add_argument(
        "--ref", metavar="IMAGE", type=Path, required=True, help="picture of the character"
    )
    options.add_output(parser, "VIDEO_IMAGE.mp4 in the current folder")
    output = parser.add_argument_group("what to write")
    output.add_argument(
        "--compare",
        action="store_true",
        help="write driving video, skeleton and result side by side",
    )
    output.add_argument(
        "--save-compare", metavar="FILE.mp4", type=Path, help="write that as a second video"
    )
    output.add_argument("--no-audio", action="store_true", help="leave the sound out")
    output.add_argument(
        "--save-poses", type=Path, metavar="FILE.npz|FOLDER", help="keep the keypoints"
    )
    judging.add_arguments(output)
    output.add_argument(
        "--no-resume",
        dest="resume",
        action="store_false",
        help="start afresh after an interruption, and keep no journal beside the output",
    )
    options.add_reading(parser)
    _add_model(parser)
    options.add_parts(parser)
    _add_sampling(parser)
    _add_machine(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model (left open, the model's own defaults apply)")
    group.add_argument(
        "--model", metavar="NAME", default="auto", help="auto (default), mini, svd or a folder"
    )
    group.add_argument(
        "--size", type=options.size, metavar="WxH",
        help="size of the result (default: as the reference, which else is cut beside its body)",
    )  # fmt: skip
    group.add_argument("--steps", type=int, metavar="N", help="denoising steps")
    group.add_argument("--seed", type=int, metavar="N", default=0, help="noise (default: 0)")
    group.add_argument(
        "--guidance",
        type=options.guidance,
        metavar="G[:TO]",
        help="guidance scale, 1 is off; 1:3 rises from 1 to 3",
    )
    group.add_argument(
        "--ramp", choices=RAMPS, help="over what it rises: the clip (default) or each window"
    )
    group.add_argument(
        "--control-scale", type=float, metavar="S", default=1.0, help="strength of the skeleton"
    )
    group.add_argument(
        "--align",
        choices=ALIGNMENTS,
        default="fit",
        help="fit the poses to the reference's body (default), give them its own bone lengths "
        "(limbs), or take them as they are (none)",
    )


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("windows and what the model is told")
    group.add_argument("--window", type=int, metavar="N", help="frames denoised together")
    group.add_argument("--overlap", type=int, metavar="N", help="frames that windows share")
    group.add_argument(
        "--windows",
        choices=WINDOWS,
        help="no overlap and moving borders (shifted, default), blended overlaps (weighted), or "
        "as the reference lays them (official)",
    )
    group.add_argument(
        "--motion-bucket", type=int, metavar="N", help="how much motion, 0 to 255 (127)"
    )
    group.add_argument(
        "--noise-aug", type=float, metavar="S", help="noise on the reference picture (0.02)"
    )
    group.add_argument(
        "--scheduler",
        choices=SCHEDULERS,
        default="model",
        help="the model's own (default), SVD's, or that of models distilled for 4 to 8 steps (lcm)",
    )
    group.add_argument(
        "--step-cache",
        type=float,
        metavar="S",
        default=0.0,
        help="repeat predictions whose input changed by less (0, off; 0.1 is little)",
    )
    group.add_argument(
        "--lora",
        type=options.lora,
        action="append",
        metavar="FILE[:SCALE]",
        help="LoRA weights for the UNet; may be given several times",
    )
    group.add_argument(
        "--official",
        action="store_true",
        help="the windows and constants of the ControlNeXt script, for comparison",
    )


def _add_machine(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("machine (left open, what fits is chosen: see --plan)")
    group.add_argument(
        "--plan", action="store_true", help="say what memory and time it would take, and stop"
    )
    group.add_argument("--device", choices=DEVICES, default="auto")
    group.add_argument(
        "--devices",
        type=options.names,
        default=(),
        metavar="A,B",
        help="GPUs that share the windows of a step, such as cuda:0,cuda:1",
    )
    group.add_argument("--dtype", choices=DTYPES, default="auto")
    group.add_argument(
        "--attention",
        choices=ATTENTIONS,
        default="auto",
        help="xformers where it is installed on a GPU (auto), else torch's own (sdpa)",
    )
    group.add_argument("--compile", action="store_true", help="compile the UNet; pays in long runs")
    group.add_argument(
        "--offload",
        choices=OFFLOADS,
        default="auto",
        help="keep on the GPU all, the model at work, or a group of its layers",
    )
    group.add_argument("--decode-chunk", type=int, metavar="N", help="frames decoded together (8)")
    group.add_argument(
        "--halves-apart",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="run the two halves of guidance one after the other, in half the memory",
    )


def resumable(arguments: argparse.Namespace) -> bool:
    """Whether the same command would go on where an interrupted one stopped."""
    return arguments.resume and journal_path(_output(arguments)).is_dir()


def _output(arguments: argparse.Namespace) -> Path:
    named: Path | None = arguments.output
    return named or Path(f"{arguments.driving.stem}_{arguments.ref.stem}.mp4")


def _plan(arguments: argparse.Namespace) -> Iterator[str]:
    """What the run would take, and how it would be done."""
    asked = options.settings(arguments)
    from animate.driving import open_driving
    from animate.planner import estimate_seconds, make_plan
    from pose.video import load_image

    source, picture = open_driving(arguments.driving, asked), load_image(arguments.ref)
    plan = make_plan(asked, (picture.shape[1], picture.shape[0]), len(source))
    yield f"Model {plan.model}: {len(source)} frames of {'x'.join(map(str, plan.settings.size))}"
    yield from plan.lines(estimate_seconds(plan))


def run(arguments: argparse.Namespace) -> None:
    """Animate, write, and tell what was done; or only what it would take."""
    if arguments.plan:
        print(*_plan(arguments), sep="\n")
        return
    start = time.monotonic()
    output = _output(arguments)
    forget(output, finished_only=arguments.resume)
    options.check_outputs(arguments, [output, arguments.save_compare], arguments.save_poses)
    judging.check(arguments)
    checked = options.settings(arguments)  # wrong values are told before torch takes its seconds
    say = options.speaker(arguments)
    with StageBars(quiet=arguments.quiet) as bars:
        result = _animate(arguments, checked, output, say, bars)
        seconds = time.monotonic() - start
        try:
            judging.judge(arguments, result, output, say, bars)
        finally:  # the video is whole, even if the user has no patience for its figures
            say(f"Stages: {bars.summary()}")
            say(
                f"Wrote {output}: {len(result)} frames, {len(result) / result.fps:.1f} s of "
                f"video, in {seconds:.1f} s"
            )


def _animate(
    arguments: argparse.Namespace,
    asked: Settings,
    output: Path,
    say: Report,
    progress: Progress,
) -> Result:
    """Make the video and what else is to be written."""
    from animate.api import animate

    result = animate(
        arguments.driving,
        arguments.ref,
        progress=progress,
        report=say,
        journal=journal_path(output) if arguments.resume else None,
        **vars(asked),
    )
    result.save(
        output,
        audio=not arguments.no_audio,
        compare=arguments.compare,
        comparison=arguments.save_compare,
        overwrite=arguments.force,
        progress=progress,
    )
    if arguments.save_compare:
        say(f"Wrote {arguments.save_compare}: driving video, skeleton and result side by side")
    if arguments.save_poses and result.poses is not None:
        from animate.poses import save_poses

        save_poses(arguments.save_poses, result.poses)
        say(f"Wrote {arguments.save_poses}: keypoints of {len(result.poses)} frames")
    return result
