"""Outputs that appear when they are whole, or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from animate.errors import OutputError, UsageError

CONTAINERS = (".mp4", ".mov", ".mkv")


def check_output(path: Path, *, overwrite: bool, suffixes: tuple[str, ...] = CONTAINERS) -> None:
    """Raise UsageError or OutputError now if `path` could not be written after the long work."""
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{path}: the output's name must end in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist; create it first")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already; use --force to replace it, or another -o")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{path}: cannot write into {path.parent}: {reason}") from error


def partial_path(path: Path) -> Path:
    """Where a file is built before it gets its name: the same folder, so the move is atomic."""
    return path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")


def settle(partial: Path, path: Path) -> None:
    """Give a file its name once the disk has it: not even a power cut leaves half of it."""
    with open(partial, "rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)


def remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed had built of this file."""
    if os.name != "posix":  # elsewhere the check below would end the process
        return
    pattern = re.compile(rf"\.{re.escape(path.stem)}\.(\d+)\.partial{re.escape(path.suffix)}")
    for sibling in path.parent.iterdir():
        match = pattern.fullmatch(sibling.name)
        if match and not _alive(int(match[1])):
            sibling.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def save_arrays(path: Path, **arrays: Any) -> None:
    """Save arrays as a compressed npz that appears only when it is whole."""
    import numpy as np  # not needed to check or name outputs

    partial = partial_path(path)
    try:
        with open(partial, "wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
