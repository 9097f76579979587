"""What a run's result depends on besides its settings, as short texts that can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animate import __version__

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 1 << 20  # bytes that are read at a time
SAMPLES = 1024  # values of a tensor that stand for all: no training leaves so many as they were
PACKAGES = ("torch", "diffusers", "transformers", "numpy", "mediapipe")  # which decide pixels


def file_print(path: Path) -> str:
    """SHA-256 of a file, or of a folder's names and files, hidden ones left out."""
    total = hashlib.sha256()
    if path.is_dir():
        for part in sorted(path.iterdir()):
            if part.is_file() and not part.name.startswith("."):
                total.update(f"{part.name} {file_print(part)}\n".encode())
        return total.hexdigest()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            total.update(block)
    return total.hexdigest()


def model_print(pipeline: Any) -> str:
    """SHA-256 over samples of every tensor of a loaded pipeline and over its parts' configs.

    Independent of where the files lie and of how the model was put together.
    """
    total = hashlib.sha256()
    for name, part in sorted(pipeline.components.items()):
        config = getattr(part, "config", None)
        if isinstance(config, dict):
            public = {key: value for key, value in config.items() if not key.startswith("_")}
            total.update(json.dumps([name, public], default=str, sort_keys=True).encode())
        for key, tensor in _tensors(part):
            total.update(f"{name} {key} {tuple(tensor.shape)} {tensor.dtype}".encode())
            total.update(_sampled(tensor))
    return total.hexdigest()


def program_print() -> str:
    """The versions of this program and of the packages that it computes with."""
    known = [f"animate {__version__}"]
    for package in PACKAGES:
        try:
            known.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(known)


def _tensors(part: Any) -> Iterator[tuple[str, Tensor]]:
    if hasattr(part, "named_parameters"):
        yield from part.named_parameters()
        yield from part.named_buffers()


def _sampled(tensor: Tensor) -> bytes:
    if tensor.is_meta:  # offloaded to where it cannot be read
        return b""
    flat = tensor.detach().flatten()
    some = flat[:: max(1, flat.numel() // SAMPLES)]
    return some.float().cpu().numpy().tobytes()
