"""Reading and writing control encoders; safetensors only, every key accounted for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from temporal.controlnext import VARIANTS, ControlNeXt
from temporal.errors import CheckpointError

CONFIG_KEY = "controlnext_config"  # metadata entry of our single files
FOLDER_WEIGHTS = "diffusion_pytorch_model.safetensors"  # diffusers' name
NAMED_AT_MOST = 6  # keys of a kind that an error message spells out


def load_controlnext(path: str | Path, *, variant: str | None = None) -> ControlNeXt:
    """Load a control encoder from a folder (config.json and weights) or one safetensors file.

    variant: name in `controlnext.VARIANTS`, needed for official files, which do not say which
    encoder they are (the stem's padding is not in the weights). Raises CheckpointError.
    """
    path = Path(path)
    if path.is_dir():
        settings = ControlNeXt.load_config(path)
        encoder = ControlNeXt.from_config(settings)
        return fill(encoder, read_tensors(path / FOLDER_WEIGHTS), source=path)
    tensors = read_tensors(path)
    if variant is None:
        encoder = ControlNeXt(**_stored_settings(path))
    elif variant in VARIANTS:
        encoder = ControlNeXt.from_variant(variant)
    else:
        raise CheckpointError(f"unknown variant {variant!r}; known: {', '.join(VARIANTS)}")
    return fill(encoder, tensors, source=path)


def save_controlnext(encoder: ControlNeXt, path: str | Path) -> None:
    """Write a control encoder and its settings to one safetensors file."""
    settings = {key: value for key, value in encoder.config.items() if not key.startswith("_")}
    tensors = {key: tensor.contiguous() for key, tensor in encoder.state_dict().items()}
    save_file(tensors, str(path), metadata={CONFIG_KEY: json.dumps(settings), "format": "pt"})


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file; raises CheckpointError if it is not one."""
    path = Path(path)
    if path.suffix != ".safetensors":
        raise CheckpointError(
            f"{path} is not a .safetensors file; other formats can run code when loaded: convert it"
        )
    if not path.is_file():
        raise CheckpointError(f"no weights at {path}")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from error


def fill(encoder: ControlNeXt, tensors: dict[str, Tensor], *, source: str | Path) -> ControlNeXt:
    """Put tensors into an encoder, in its dtype; raises CheckpointError unless all keys match."""
    problems = key_problems(encoder, tensors)
    if problems:
        raise CheckpointError(f"{source} does not fit the control encoder: {problems}")
    encoder.load_state_dict(tensors)
    encoder.eval()
    return encoder


def key_problems(module: nn.Module, tensors: dict[str, Tensor]) -> str:
    """Name what is missing, unexpected or misshapen in a state dict; empty if nothing is."""
    own = module.state_dict()
    misshapen = [
        f"{key} {tuple(tensors[key].shape)} instead of {tuple(own[key].shape)}"
        for key in own
        if key in tensors and tensors[key].shape != own[key].shape
    ]
    kinds = {
        "missing": [key for key in own if key not in tensors],
        "unexpected": [key for key in tensors if key not in own],
        "misshapen": misshapen,
    }
    return "; ".join(f"{kind}: {_listed(keys)}" for kind, keys in kinds.items() if keys)


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - NAMED_AT_MOST} more" if len(keys) > NAMED_AT_MOST else ""
    return ", ".join(keys[:NAMED_AT_MOST]) + more


def _stored_settings(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        stored = (file.metadata() or {}).get(CONFIG_KEY)
    if stored is None:
        raise CheckpointError(
            f"{path} does not say which encoder it holds; name the variant, one of "
            f"{', '.join(VARIANTS)} (svd_v2 for the released SVD weights)"
        )
    settings: dict[str, Any] = json.loads(stored)
    return settings
