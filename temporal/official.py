"""What is known of the checkpoints that the authors of ControlNeXt released, or that their
training scripts write: names, prefixes, and which encoder a file holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from temporal.controlnext import VARIANTS, ControlNeXt
from temporal.errors import CheckpointError
from temporal.keys import compare_keys
from temporal.tensorfiles import FOLDER_STEM, PICKLES, SAFE

Kind = Literal["control", "unet", "both"]

# Stems of files, best first. Source: README files and scripts of the official repository, whose
# spelling "increasements" it is; "controlnext" and "unet_weight..." come from training.
CONTROL_STEMS = ("controlnet", "controlnext", FOLDER_STEM)
UNET_STEMS = ("unet", "unet_fp16", "unet_weight_increasements", FOLDER_STEM)
INCREMENT_WORDS = ("increasement", "increment")
# What zero_to_fp32 puts before the names of the two parts (SVD training).
PREFIXES = {"control": "controlnext.", "unet": "unet."}
# How names begin in files for the original code instead of diffusers.
FOREIGN = ("model.diffusion_model.", "input_blocks.", "middle_block.", "output_blocks.")
# How they begin in diffusers' UNets; the control encoder has "time_embedding." too.
UNET_BEGINNINGS = ("conv_", "time_", "add_", "down_blocks.", "mid_block.", "up_blocks.")
# What tells a UNet's names, or a transformer's, from a control encoder's.
DENOISERS = ("down_blocks.", "up_blocks.", "mid_block.", "conv_", "transformer_blocks.")

RELEASED = "svd_v2"  # what a file named as released is taken for, if its weights allow it


def kind_of(tensors: Mapping[str, Tensor], source: str | Path) -> Kind:
    """Tell what a file holds by its names. Raises CheckpointError."""
    if any(key.startswith(tuple(PREFIXES.values())) for key in tensors):
        return "both"
    if any(key.startswith("down_res.") for key in tensors):
        return "control"
    if any(key.startswith(FOREIGN) for key in tensors):
        raise CheckpointError(
            f"{source} names its tensors as the original code does, not as diffusers; take the "
            "file in diffusers' names"
        )
    if any(key.startswith(DENOISERS) for key in tensors):
        return "unet"
    first = next(iter(tensors), "nothing")
    raise CheckpointError(f"{source} holds neither a control encoder nor a UNet, but {first!r}")


def part_of(tensors: Mapping[str, Tensor], part: Literal["control", "unet"]) -> dict[str, Tensor]:
    """Return one part of a training state, its prefix removed; other files as they are."""
    if not any(key.startswith(tuple(PREFIXES.values())) for key in tensors):
        return dict(tensors)
    prefix = PREFIXES[part]
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def named_increments(path: str | Path) -> bool:
    """Whether a file's name says that it holds increments; the SDXL script uses it for both."""
    return any(word in Path(path).stem for word in INCREMENT_WORDS)


def find_file(folder: str | Path, part: Literal["control", "unet"], *, allow_pickle: bool) -> Path:
    """The file of one part in a folder of released files. Raises CheckpointError."""
    folder = Path(folder)
    stems = CONTROL_STEMS if part == "control" else UNET_STEMS
    pickled: list[str] = []
    for stem in stems:
        safe = folder / (stem + SAFE)
        if safe.is_file():
            return safe
        for path in (folder / (stem + suffix) for suffix in PICKLES):
            if path.is_file() and allow_pickle:
                return path
            pickled += [path.name] if path.is_file() else []
    if pickled:
        raise CheckpointError(
            f"{folder} holds {pickled[0]}, a pickle, a format that can run code when loaded, and "
            f"no {SAFE} file; allow it (--allow-pickle) and nothing but tensors is read"
        )
    names = " or ".join(stem + SAFE for stem in stems[:2])
    raise CheckpointError(f"{folder} holds no weights of this part; expected {names}")


def fitting_variants(
    tensors: Mapping[str, Tensor], among: Sequence[str] = tuple(VARIANTS)
) -> list[str]:
    """The known encoders, all or some, that have just these names and shapes."""
    return [name for name in among if not compare_keys(_blank(name), tensors).problems()]


def assume_variant(
    tensors: Mapping[str, Tensor], path: str | Path, among: Sequence[str] = tuple(VARIANTS)
) -> tuple[str, str]:
    """Return the variant that a file of weights alone is taken for, and why in a line.

    Four variants share their names and shapes and differ in the stem's padding and the site; a
    file named as the released one is taken for that, others must be told. among: those that come
    into question. Raises CheckpointError.
    """
    path = Path(path)
    fitting = fitting_variants(tensors, among)
    if not fitting:
        nearest = min(among, key=lambda name: len(_wrong(name, tensors)))
        problems = compare_keys(_blank(nearest), tensors).problems()
        raise CheckpointError(
            f"{path} fits none of {', '.join(among)}; compared with {nearest}: {problems}"
        )
    if len(fitting) == 1:
        return fitting[0], f"{path.name} is {fitting[0]}, by its names and shapes"
    if RELEASED in fitting and (path.stem == "controlnet" or RELEASED in path.stem):
        return RELEASED, (
            f"{path.name} is taken for {RELEASED}, as released; its weights would also fit "
            f"{', '.join(name for name in fitting if name != RELEASED)} (--variant)"
        )
    raise CheckpointError(
        f"{path} does not say which encoder it holds; name the variant (--variant), one of "
        f"{', '.join(fitting)}"
    )


def variant_of(encoder: ControlNeXt) -> str | None:
    """The official encoder that has just these settings, None if there is none."""
    with torch.device("meta"):
        known = {name: ControlNeXt.from_variant(name).config for name in VARIANTS}
    settings = _public(encoder.config)
    return next((name for name, config in known.items() if _public(config) == settings), None)


def _public(config: Mapping[str, Any]) -> str:
    # As JSON, in which lists and tuples are the same: a config from a file has lists.
    own = {key: value for key, value in config.items() if not key.startswith("_")}
    return json.dumps(own, sort_keys=True)


def _wrong(variant: str, tensors: Mapping[str, Tensor]) -> list[str]:
    report = compare_keys(_blank(variant), tensors)
    return [*report.missing, *report.unexpected, *report.misshapen]


def _blank(variant: str) -> dict[str, Tensor]:
    with torch.device("meta"):
        state: dict[str, Tensor] = ControlNeXt.from_variant(variant).state_dict()
    return state
