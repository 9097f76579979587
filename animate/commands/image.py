"""Make pictures that follow control maps and a prompt."""

from __future__ import annotations

import argparse
import time
from dataclasses import fields
from pathlib import Path

from animate.annotators.kinds import KINDS
from animate.commands import options
from animate.config import DEVICES, DTYPES, LOOKS, UNET_KINDS, VARIANTS
from animate.progress import StageBars
from animate.still_settings import METHODS, STILL_MODELS, StillSettings, control_choices

EACH = "give it once for all controls, or once for each"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate image`."""
    parser.usage = (
        "animate image --control PICTURE --kind KIND [--control ... --kind ...] "
        "--prompt TEXT --model MODEL [-o OUT.png] [options]"
    )
    _add_controls(parser)
    _add_model(parser)
    output = parser.add_argument_group("what to write")
    output.add_argument(
        "-o",
        "--output",
        metavar="OUT.png",
        type=Path,
        default=Path("image.png"),
        help="the picture (default: image.png); several get numbers",
    )
    output.add_argument("-n", "--count", type=int, metavar="N", default=1, help="pictures (1)")
    output.add_argument(
        "--save-control", action="store_true", help="write the maps beside the picture"
    )
    output.add_argument(
        "--compare",
        action="store_true",
        help="map, this method's and the other's picture side by side",
    )
    output.add_argument("--force", action="store_true", help="replace existing outputs")


def _add_controls(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(f"controls ({EACH})")
    add = group.add_argument
    add(
        "--control",
        metavar="PICTURE",
        type=Path,
        action="append",
        required=True,
        help="a map, or a photograph to make one of; may be given several times",
    )
    add("--kind", choices=tuple(KINDS), action="append", help="what its map shows")
    add("--control-scale", metavar="S", type=float, action="append", help="strength (1)")
    add("--start", metavar="S", type=float, action="append", help="from this share of the steps")
    add("--end", metavar="S", type=float, action="append", help="until this share of the steps")
    add(
        "--weights",
        metavar="PATH",
        action="append",
        help="the part that reads the map: a file or folder, ours, official or diffusers' "
        "(default: the model's own, or the Hub's cache)",
    )
    add("--unet", metavar="PATH", action="append", help="weights of the base that belong to it")
    add(
        "--other-weights",
        metavar="PATH",
        action="append",
        help="for --compare: the part of the other method",
    )
    add("--method", choices=METHODS, default=METHODS[0], help="how maps join (controlnext)")
    add(
        "--annotate",
        action=argparse.BooleanOptionalAction,
        help="make the map of the picture (default: unless it looks like one)",
    )
    add("--annotator", metavar="NAME", default="auto", help="who makes it, see animate annotate")
    add("--look", choices=LOOKS, help="how skeletons are drawn")
    add(
        "--guess",
        action=argparse.BooleanOptionalAction,
        help="guess mode: guidance strengthens control too (default: as the model works best)",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model and prompt (left open, the model's own defaults)")
    add = group.add_argument
    add(
        "--model",
        default="mini-image",
        metavar="NAME",
        help=f"{', '.join(STILL_MODELS)}, a folder, or one file of weights (mini-image)",
    )
    add("--config", metavar="FOLDER", help="settings for one file of weights: a model's folder")
    add("--vae", metavar="FOLDER", help="another autoencoder, such as sdxl-vae-fp16-fix")
    add("--prompt", default="", help="what the picture shows")
    add("--negative", default="", metavar="TEXT", help="what it must not show")
    add(
        "--lora",
        type=options.lora,
        action="append",
        metavar="FILE[:SCALE]",
        help="LoRA weights; may be given several times",
    )
    add("--size", type=options.size, metavar="WxH", help="size (default: the control's shape)")
    add("--steps", type=int, metavar="N", help="denoising steps")
    add("--guidance", type=float, metavar="G", help="guidance scale, 1 is off")
    add("--seed", type=int, metavar="N", default=0, help="noise (0)")
    add("--variant", choices=VARIANTS, help="which known encoder the weights are")
    add("--unet-as", choices=UNET_KINDS, default="auto", help="what --unet holds")
    add("--allow-pickle", action="store_true", help="also read .bin files, of them only tensors")
    add("--device", choices=DEVICES, default="auto")
    add("--dtype", choices=DTYPES, default="auto")


def run(arguments: argparse.Namespace) -> None:
    """Make the pictures, write them, and tell what was done."""
    start = time.monotonic()
    arguments.lora = tuple(arguments.lora or ())
    names = {field.name for field in fields(StillSettings)}
    settings = {name: value for name, value in vars(arguments).items() if name in names}
    StillSettings(**settings)  # wrong values are told before torch takes its seconds
    each = {
        name: getattr(arguments, name)
        for name in ("kind", "control_scale", "start", "end", "weights", "unet")
    }
    control_choices(arguments.control, **each)
    targets = _check(arguments)
    say = options.speaker(arguments)
    with StageBars(quiet=arguments.quiet) as bars:
        from animate.still_files import write_picture
        from animate.stills import control_image

        made = control_image(
            arguments.control,
            **each,
            other_weights=arguments.other_weights,
            compare=arguments.compare,
            progress=bars,
            report=say,
            **settings,
        )
    written = made.save(arguments.output, overwrite=arguments.force)
    if arguments.save_control:
        for target, its_map in zip(targets, made.maps, strict=True):
            write_picture(target, its_map, overwrite=arguments.force)
            say(f"Wrote {target}: the control map")
    seconds = time.monotonic() - start
    say(f"Wrote {', '.join(map(str, written))} in {seconds:.1f} s")


def _check(arguments: argparse.Namespace) -> list[Path]:
    """Raise now if an output could not be written later; where the maps go."""
    from animate.files import check_output, keep_inputs
    from animate.still_files import PICTURES, numbered

    output: Path = arguments.output
    maps = numbered(output.with_name(f"{output.stem}_control.png"), len(arguments.control))
    targets = numbered(output, arguments.count) + (maps if arguments.save_control else [])
    for target in targets:
        keep_inputs(target, *arguments.control)
        check_output(target, overwrite=arguments.force, suffixes=PICTURES)
    return maps
