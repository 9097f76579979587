"""Writing control encoders and UNets: official files, our files, whole models' folders."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from animate.errors import ModelError, OutputError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from temporal.controlnext import ControlNeXt

Form = Literal["ours", "official"]
CONTROL_FILE = "controlnet.safetensors"  # as the authors call them
UNET_FILES = {False: "unet.safetensors", True: "unet_weight_increasements.safetensors"}
WEIGHTS = "diffusion_pytorch_model.safetensors"  # diffusers' name


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a checkpoint holds: a control encoder, UNet tensors, or both."""

    encoder: ControlNeXt | None
    unet: dict[str, Tensor] | None
    increments: bool
    notes: list[str] = field(default_factory=list)


def write_file(content: Content, output: Path, form: Form) -> None:
    from temporal.checkpoints import save_controlnext, save_unet_part
    from temporal.tensorfiles import write_tensors

    if content.encoder is not None and content.unet is not None:
        raise UsageError(
            f"{output}: a control encoder and a UNet need a folder; leave out .safetensors"
        )
    if content.encoder is not None:
        if form == "ours":
            save_controlnext(content.encoder, output)
        else:
            write_tensors(_official_encoder(content), output)
    elif content.unet is not None:
        if form == "ours":
            save_unet_part(content.unet, output, increments=content.increments)
        else:
            write_tensors(content.unet, output)


def write_official(content: Content, folder: Path) -> None:
    from temporal.tensorfiles import write_tensors

    if content.encoder is not None:
        write_tensors(_official_encoder(content), folder / CONTROL_FILE)
    if content.unet is not None:
        write_tensors(content.unet, folder / UNET_FILES[content.increments])


def write_ours(content: Content, folder: Path, base: Path | None) -> None:
    """A model's folder from both parts, else one part's folder as diffusers writes it."""
    from temporal.tensorfiles import write_tensors

    if content.unet is not None and base is None:
        raise UsageError("a folder with a UNet needs --base; or name a .safetensors file for it")
    both = content.encoder is not None and content.unet is not None
    if both and base is not None:
        _copy_pipeline(base, folder)
    if content.encoder is not None:
        content.encoder.save_pretrained(folder / "controlnext" if both else folder)
    if content.unet is not None and base is not None:
        place = folder / "unet" if both else folder
        place.mkdir(exist_ok=True)
        shutil.copyfile(base / "unet" / "config.json", place / "config.json")
        write_tensors(content.unet, place / WEIGHTS)


def _copy_pipeline(base: Path, folder: Path) -> None:
    """Everything of a Stable Video Diffusion folder but its UNet; its index names the encoder."""
    index = json.loads((base / "model_index.json").read_text())
    index["_class_name"] = "ControlNeXtVideoPipeline"
    index["controlnext"] = ["temporal.controlnext", "ControlNeXt"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    for part in sorted(base.iterdir()):
        if part.name in index and part.is_dir() and part.name not in ("unet", "controlnext"):
            names = [path for path in part.iterdir() if path.suffix in (".json", ".safetensors")]
            (folder / part.name).mkdir()
            for path in names:
                shutil.copyfile(path, folder / part.name / path.name)


def _official_encoder(content: Content) -> dict[str, Tensor]:
    """The encoder's tensors, if the official code could load them."""
    from temporal.official import variant_of

    assert content.encoder is not None
    variant = variant_of(content.encoder)
    if variant is None:
        raise ModelError("the control encoder has settings that none of the official ones has")
    content.notes.append(f"The official file does not say it: it is for --variant {variant}")
    state: dict[str, Tensor] = content.encoder.state_dict()
    return state


@contextmanager
def whole_folder(path: Path, overwrite: bool) -> Iterator[Path]:
    """A folder that gets its name when it is whole; what had the name is removed then."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        partial.mkdir()
        yield partial
        if overwrite and path.exists():
            os.replace(path, old)
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
