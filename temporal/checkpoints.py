"""Reading and writing control encoders and UNet weights; every key accounted for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from temporal import official
from temporal.controlnext import VARIANTS, ControlNeXt
from temporal.errors import CheckpointError
from temporal.keys import compare_keys
from temporal.patch import are_increments
from temporal.tensorfiles import PICKLES, read_metadata, read_tensors, write_tensors

CONFIG_KEY = "controlnext_config"  # metadata entry of our single files
IDENTITY_AT_FIRST = ("temporal_mixing.",)  # layers that official encoders do not have
KIND_KEY = "weights_kind"  # likewise, of our UNet files: values or increments
CONFIG_NAME = "config.json"  # diffusers' name

Report = Callable[[str], None]


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
    encoder = ControlNeXt.from_config({**own, **settings})
    return fill(encoder, tensors, source=path)


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
    if (folder / "controlnext").is_dir():
        return _inside(folder / "controlnext", allow_pickle)
    return official.find_file(folder, "control", allow_pickle=allow_pickle)


def _stored_settings(path: Path) -> dict[str, Any] | None:
    """The encoder's settings as our own files carry them; None for official files."""
    if path.is_dir():
        settings: dict[str, Any] = ControlNeXt.load_config(path)
        if settings.get("_class_name", ControlNeXt.__name__) != ControlNeXt.__name__:
            raise CheckpointError(f"{path} holds a {settings['_class_name']}, no control encoder")
        return settings
    if path.suffix in PICKLES:
        return None
    stored = read_metadata(path).get(CONFIG_KEY)
    return None if stored is None else dict(json.loads(stored))
