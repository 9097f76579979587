"""Files of named tensors: safetensors, and pickles only when the caller allows them."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from temporal.errors import CheckpointError

SAFE = ".safetensors"
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
FOLDER_STEM = "diffusion_pytorch_model"  # diffusers' name for a part's weights
FOLDER_WEIGHTS = FOLDER_STEM + SAFE
WRAPPER = "state_dict"  # entry under which some scripts put the tensors


def read_tensors(path: str | Path, *, allow_pickle: bool = False) -> dict[str, Tensor]:
    """Return the tensors of a file, or of a folder as diffusers writes it, on the CPU.

    allow_pickle: also read torch's own format, and of that nothing but tensors
    (`weights_only=True`). Raises CheckpointError.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path, allow_pickle)
    if not path.is_file():
        raise CheckpointError(f"no weights at {path}")
    if path.suffix in PICKLES:
        return _read_pickle(path, allow_pickle)
    if path.suffix != SAFE:
        raise CheckpointError(f"{path} is neither a {SAFE} file nor one of {' '.join(PICKLES)}")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """The texts that a safetensors file carries beside its tensors; empty for other files."""
    path = Path(path)
    if path.suffix != SAFE or not path.is_file():
        return {}
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from error


def write_tensors(
    tensors: Mapping[str, Tensor], path: str | Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors to a safetensors file that appears only when it is whole."""
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    whole = {key: tensor.detach().contiguous() for key, tensor in tensors.items()}
    try:
        partial.touch()
        mode = partial.stat().st_mode  # safetensors would leave a file that only its owner reads
        save_file(whole, str(partial), metadata={**(metadata or {}), "format": "pt"})
        partial.chmod(mode)
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _read_pickle(path: Path, allow_pickle: bool) -> dict[str, Tensor]:
    if not allow_pickle:
        raise CheckpointError(
            f"{path} is a pickle, a format that can run code when loaded; take a {SAFE} file, or "
            "allow it (--allow-pickle, allow_pickle=True): then nothing but tensors is read"
        )
    try:
        # Only torch's newer, zipped format can be mapped instead of copied.
        mapped = zipfile.is_zipfile(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:160]
        raise CheckpointError(
            f"{path} holds more than tensors or is damaged, and was not loaded: {reason}"
        ) from error
    if isinstance(content, dict) and isinstance(content.get(WRAPPER), dict):
        content = content[WRAPPER]
    return _only_tensors(content, path)


def _only_tensors(content: Any, path: Path) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: expected tensors by name, got {type(content).__name__}")
    wrong = [key for key, value in content.items() if not isinstance(value, Tensor)]
    if wrong:
        raise CheckpointError(f"{path}: expected tensors by name, but {wrong[0]!r} is none")
    return {str(key): value for key, value in content.items()}


def _read_folder(folder: Path, allow_pickle: bool) -> dict[str, Tensor]:
    """Weights as `save_pretrained` leaves them: one file, or several with an index."""
    plain = sorted(folder.glob(f"{FOLDER_STEM}*{SAFE}.index.json"))
    files = [folder / FOLDER_WEIGHTS, folder / f"{FOLDER_STEM}.fp16{SAFE}"]
    if plain and not files[0].is_file():
        parts = _listed_parts(plain[0])
        return {k: v for part in parts for k, v in read_tensors(folder / part).items()}
    pickled = folder / f"{FOLDER_STEM}.bin"
    found = next((path for path in (*files, pickled) if path.is_file()), None)
    if found is None:
        raise CheckpointError(f"no weights at {files[0]}")
    return read_tensors(found, allow_pickle=allow_pickle)


def _listed_parts(index: Path) -> list[str]:
    """The files that an index names, which lie beside it."""
    try:
        parts = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{index} is damaged; copy or download it again") from error
    for part in parts:
        if not isinstance(part, str) or Path(part).name != part:
            raise CheckpointError(f"{index} names {part!r}, which is no file beside it")
    return parts
