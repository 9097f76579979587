"""Checkpoints from the official formats into ours, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from animate.errors import ModelError, OutputError, UsageError
from animate.files import read_object
from animate.layouts import Content, Form, whole_folder, write_file, write_official, write_ours

if TYPE_CHECKING:
    from temporal.errors import CheckpointError

NUMBERS = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


def convert(
    source: Path,
    output: Path,
    form: Form,
    *,
    variant: str | None = None,
    base: Path | None = None,
    unet_as: str = "auto",
    increments: bool = False,
    number: str | None = None,
    allow_pickle: bool = False,
    overwrite: bool = False,
) -> list[str]:
    """Write a checkpoint in the other form, whole or not at all, and return lines about it.

    output: a .safetensors file for one part, a folder for the rest. base: Stable Video
    Diffusion's folder; with it ours is a model for --model, or a complete UNet, and official
    holds only what differs, as increments if asked. variant, unet_as, allow_pickle: about the
    source. number: a key of NUMBERS. Raises AnimateError or temporal.TemporalError.
    """
    _check(output, base, increments, form, overwrite)
    content = read(source, base, variant=variant, unet_as=unet_as, allow_pickle=allow_pickle)
    if form == "official":
        content = _reduced(content, base, increments)
    elif base is not None:
        content = _completed(content, base)
    content = _in_number(content, number)
    if output.suffix == ".safetensors":
        write_file(content, output, form)
    else:
        with whole_folder(output, overwrite) as folder:
            if form == "official":
                write_official(content, folder)
            else:
                write_ours(content, folder, base)
    return [*content.notes, f"Wrote {output}: {_describe(content)}"]


def read(
    source: Path,
    base: Path | None,
    *,
    variant: str | None = None,
    unet_as: str = "auto",
    allow_pickle: bool = False,
) -> Content:
    """Read a file or folder in any form. Raises ModelError or temporal.CheckpointError."""
    from temporal.checkpoints import load_controlnext, read_unet
    from temporal.unets import read_for

    if not source.exists():
        raise ModelError(f"{source}: no such file or folder")
    notes: list[str] = []
    parts = _parts_in(source, allow_pickle)
    encoder, unet, added = None, None, False
    if "control" in parts:
        encoder = load_controlnext(
            parts["control"], variant=variant, allow_pickle=allow_pickle, report=notes.append
        )
    if "unet" in parts:
        told = None if unet_as == "auto" else unet_as == "increments"
        if base is None:
            unet, added = read_unet(parts["unet"], increments=told, allow_pickle=allow_pickle)
        else:
            unet, added, _ = read_for(
                base / "unet", parts["unet"], increments=told, allow_pickle=allow_pickle
            )
    return Content(encoder=encoder, unet=unet, increments=added, notes=notes)


def _parts_in(source: Path, allow_pickle: bool) -> dict[str, Path]:
    """Where a source's control encoder and UNet lie."""
    from temporal import official
    from temporal.errors import CheckpointError
    from temporal.tensorfiles import read_tensors

    if source.is_dir() and (source / "config.json").is_file():
        name = read_object(source / "config.json").get("_class_name", "")
        return {"control" if name == "ControlNeXt" else "unet": source}
    if source.is_file():
        kind = official.kind_of(read_tensors(source, allow_pickle=allow_pickle), source)
        return dict.fromkeys(("control", "unet") if kind == "both" else (kind,), source)
    found: dict[str, Path] = {}
    refusals: list[CheckpointError] = []
    for part, own in (("control", "controlnext"), ("unet", "unet")):
        try:
            found[part] = (
                source / own
                if (source / own / "config.json").is_file()
                else official.find_file(source, part, allow_pickle=allow_pickle)  # type: ignore[arg-type]
            )
        except CheckpointError as error:
            refusals.append(error)
    if not found or any("pickle" in str(error) for error in refusals):
        raise refusals[0]
    return found


def _reduced(content: Content, base: Path | None, increments: bool) -> Content:
    """Of the UNet only what differs from the base's, if there is one."""
    from temporal.patch import changed, difference
    from temporal.tensorfiles import read_tensors

    if content.unet is None or base is None or content.increments:
        return content
    own = read_tensors(base / "unet")
    unet = (difference if increments else changed)(content.unet, own)
    if not unet:
        raise ModelError(f"the UNet is that of {base}: there is nothing to write")
    return _with(content, unet=unet, increments=increments)


def _completed(content: Content, base: Path) -> Content:
    """The UNet with the base's values wherever it has none."""
    from temporal.unets import complete

    if content.unet is None:
        return content
    unet = complete(base / "unet", content.unet, increments=content.increments)
    return _with(content, unet=unet, increments=False)


def _in_number(content: Content, number: str | None) -> Content:
    if number is None:
        return content
    import torch

    dtype = getattr(torch, NUMBERS[number])
    unet = content.unet and {key: tensor.to(dtype) for key, tensor in content.unet.items()}
    encoder: Any = content.encoder
    return _with(content, unet=unet, encoder=encoder and encoder.to(dtype))


def _with(content: Content, **changes: Any) -> Content:
    return Content(**{**vars(content), **changes})


def _describe(content: Content) -> str:
    told = []
    if content.encoder is not None:
        told.append("control encoder")
    if content.unet is not None:
        kind = "increments of" if content.increments else "values of"
        told.append(f"{kind} {len(content.unet)} UNet tensors")
    return ", ".join(told)


def _check(output: Path, base: Path | None, increments: bool, form: Form, overwrite: bool) -> None:
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists already; use --force to replace it, or another -o")
    if not output.absolute().parent.is_dir():
        raise OutputError(f"{output}: the folder {output.parent} does not exist; create it first")
    if output.suffix not in ("", ".safetensors") or (output.suffix and output.is_dir()):
        raise UsageError(f"{output}: name a .safetensors file, or a folder")
    if base is not None and not (base / "unet" / "config.json").is_file():
        raise UsageError(f"--base {base}: expected Stable Video Diffusion's folder, with unet/")
    if increments and (base is None or form != "official"):
        raise UsageError(
            "--increments are official, against a base: add --to official --base FOLDER"
        )
