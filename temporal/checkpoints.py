"""Reading and writing control encoders and UNet weights; every key accounted for."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from temporal import official
from temporal.controlnet import ControlNet
from temporal.controlnext import VARIANTS, ControlNeXt
from temporal.errors import CheckpointError
from temporal.keys import compare_keys
from temporal.patch import are_increments
from temporal.tensorfiles import PICKLES, read_metadata, read_tensors, write_tensors

CONFIG_KEY = "controlnext_config"  # metadata entry of our single files
IDENTITY_AT_FIRST = ("temporal_mixing.",)  # layers that official encoders do not have
KIND_KEY = "weights_kind"  # likewise, of our UNet files: values or increments
CONFIG_NAME = "config.json"  # diffusers' name
PART_FOLDERS = ("controlnext", "controlnet")  # of a control part in a model's or a run's folder
# Of the numbers that a file has, how many times more its settings may ask for before they lie.
MOST_ABSENT = 8
MOST_TOLD = 200  # characters of a library's complaint

Report = Callable[[str], None]
Part = TypeVar("Part", ControlNeXt, ControlNet)


def load_controlnext(
    path: str | Path,
    *,
    variant: str | None = None,
    among: Sequence[str] = tuple(VARIANTS),
    allow_pickle: bool = False,
    report: Report | None = None,
    **settings: Any,
) -> ControlNeXt:
    """Load a control encoder from our own files or the official ones, in evaluation mode.

    path: a folder (config.json and weights; a model's folder; official files) or one file.
    variant: name in `controlnext.VARIANTS`, for official files, which do not say which encoder
    they are (the stem's padding is not in the weights); without it the file named as released is
    taken for svd_v2, and report(line) is told so. among: the variants that come into question, the
    likeliest first, as for a known base. settings: replace those of the encoder.
    Raises CheckpointError.
    """
    path = Path(path)
    if variant is not None and variant not in VARIANTS:
        raise CheckpointError(f"unknown variant {variant!r}; known: {', '.join(VARIANTS)}")
    if path.is_dir():
        path = _inside(path, allow_pickle)
    tensors = official.part_of(read_tensors(path, allow_pickle=allow_pickle), "control")
    own = None if variant else _stored_settings(path)
    if own is None:
        if variant is None:
            variant, why = official.assume_variant(tensors, path, among)
            if report:
                report(why)
        own = VARIANTS[variant]
    return fill(_built({**own, **settings}, tensors, path), tensors, source=path)


def load_controlnet(path: str | Path) -> ControlNet:
    """Load a ControlNet for video from its folder or a model's, in evaluation mode, as float32.

    Raises CheckpointError.
    """
    folder = _inside(Path(path), allow_pickle=False)
    settings, tensors = _stored_settings(folder, ControlNet) or {}, read_tensors(folder)
    with torch.device("meta"):
        part: ControlNet = _from_config(ControlNet, settings, folder)
    if problems := compare_keys(part, tensors).problems():
        raise CheckpointError(f"{folder} does not fit its own settings: {problems}")
    # A copy even in the same format: the tensors may be a view of the file.
    whole = {name: value.to(torch.float32, copy=True) for name, value in tensors.items()}
    part.load_state_dict(whole, assign=True)
    part.eval()
    return part


def names_controlnet(path: str | Path) -> bool:
    """Whether a folder says of itself, or of the part in it, that it is a ControlNet for video."""
    config = place_of_part(path) / CONFIG_NAME
    return config.is_file() and _read_config(config).get("_class_name") == ControlNet.__name__


def place_of_part(path: str | Path) -> Path:
    """Where a control part's settings lie: in this folder, or in a part of it; else the path."""
    places = (Path(path), *(Path(path) / part for part in PART_FOLDERS))
    return next((place for place in places if (place / CONFIG_NAME).is_file()), Path(path))


def save_controlnext(encoder: ControlNeXt, path: str | Path) -> None:
    """Write a control encoder and its settings to one safetensors file, whole or not at all."""
    settings = {key: value for key, value in encoder.config.items() if not key.startswith("_")}
    write_tensors(encoder.state_dict(), path, {CONFIG_KEY: json.dumps(settings)})


def read_unet(
    path: str | Path,
    base: Mapping[str, Tensor] | None = None,
    *,
    increments: bool | None = None,
    allow_pickle: bool = False,
) -> tuple[dict[str, Tensor], bool]:
    """Read UNet tensors, all or some, and tell whether they are increments.

    path: a file, or a folder as diffusers writes it. increments: whether they are; None goes by
    what our own files say, else by the file's name, which the official SDXL script also gives to
    full values: then the values of `base` decide, if it is given. Raises CheckpointError.
    """
    path = Path(path)
    if path.is_dir() and not (path / CONFIG_NAME).is_file():
        inner = path / "unet"
        path = (
            inner if inner.is_dir() else official.find_file(path, "unet", allow_pickle=allow_pickle)
        )
    tensors = read_tensors(path, allow_pickle=allow_pickle)
    kind = official.kind_of(tensors, path)
    if kind == "control":
        raise CheckpointError(f"{path} holds a control encoder, not UNet weights")
    tensors = official.part_of(tensors, "unet")
    if increments is None:
        said = read_metadata(path).get(KIND_KEY)
        increments = said == "increments" if said else official.named_increments(path)
        if increments and not said and base is not None:
            increments = are_increments(tensors, base)
    return tensors, increments


def save_unet_part(
    tensors: Mapping[str, Tensor], path: str | Path, *, increments: bool = False
) -> None:
    """Write UNet tensors to a safetensors file that says whether they are increments."""
    write_tensors(tensors, path, {KIND_KEY: "increments" if increments else "values"})


def _built(settings: Mapping[str, Any], tensors: Mapping[str, Tensor], source: Path) -> ControlNeXt:
    """The encoder of stored settings. Raises CheckpointError for those that make no sense.

    It is built without memory first: settings can claim any size, and only the file's own tensors
    show which size there really is.
    """
    with torch.device("meta"):
        empty = _from_config(ControlNeXt, settings, source)
    wanted = sum(tensor.numel() for tensor in empty.state_dict().values())
    there = sum(tensor.numel() for tensor in tensors.values())
    if wanted > MOST_ABSENT * max(there, 1):
        fill(empty, tensors, source=source)  # says what is missing
        raise CheckpointError(f"{source} has {there} numbers, but its settings ask for {wanted}")
    encoder: ControlNeXt = _from_config(ControlNeXt, settings, source)
    return encoder


def _from_config(kind: type[Part], settings: Mapping[str, Any], source: Path) -> Part:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes that the comparison with the file refuses
            built: Part = kind.from_config(dict(settings))
    except Exception as error:  # settings without sense make torch and diffusers raise anything
        reason = " ".join(str(error).split())[:MOST_TOLD] or type(error).__name__
        raise CheckpointError(f"{source}: its settings make no encoder: {reason}") from error
    return built


def fill(encoder: ControlNeXt, tensors: Mapping[str, Tensor], *, source: str | Path) -> ControlNeXt:
    """Put tensors into an encoder, in its dtype; raises CheckpointError unless all keys match.

    Layers that change nothing until they are trained may be missing altogether.
    """
    report = compare_keys(encoder, tensors)
    if not any(key.startswith(IDENTITY_AT_FIRST) for key in tensors):
        missing = (key for key in report.missing if not key.startswith(IDENTITY_AT_FIRST))
        report = replace(report, missing=tuple(missing))
    if problems := report.problems():
        fitting = official.fitting_variants(tensors)
        hint = f"; it would fit {', '.join(fitting)}" if fitting else ""
        raise CheckpointError(f"{source} does not fit the control encoder: {problems}{hint}")
    encoder.load_state_dict(dict(tensors), strict=False)
    encoder.eval()
    return encoder


def _inside(folder: Path, allow_pickle: bool) -> Path:
    """What to read in a folder: the folder itself if it says what it is, else a part of it."""
    if (folder / CONFIG_NAME).is_file():
        return folder
    for part in PART_FOLDERS:
        if (folder / part).is_dir():
            return _inside(folder / part, allow_pickle)
    return official.find_file(folder, "control", allow_pickle=allow_pickle)


def _stored_settings(path: Path, kind: type[Part] = ControlNeXt) -> dict[str, Any] | None:
    """A part's settings as our own files carry them; None for official files."""
    if path.is_dir():
        settings = _read_config(path / CONFIG_NAME)
        if settings.get("_class_name", kind.__name__) != kind.__name__:
            wanted = "control encoder" if kind is ControlNeXt else kind.__name__
            raise CheckpointError(f"{path} holds a {settings['_class_name']}, no {wanted}")
        return settings
    if path.suffix in PICKLES:
        return None
    stored = read_metadata(path).get(CONFIG_KEY)
    try:
        return None if stored is None else dict(json.loads(stored))
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}: the settings in it are damaged; copy it again") from error


def _read_config(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{file} is damaged; copy it again") from error
