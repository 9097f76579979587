"""Where results go: folders of this machine, or whatever fsspec reaches (s3://, gs://, ...)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from animate.errors import OutputError, UsageError
from animate.files import CONTAINERS, check_output


def is_remote(output: str) -> bool:
    """Whether an output is a URL."""
    return "://" in output


def short_names(outputs: Sequence[str]) -> dict[str, str]:
    """For people: each output without the folders that all of them share."""
    folders = [output.split("/")[:-1] for output in outputs]
    shared = 0
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared += 1
    return {output: "/".join(output.split("/")[shared:]) for output in outputs}


def local_path(output: str, scratch: Path) -> Path:
    """Where the video is built: its own place, or for a URL a file of its own in `scratch`."""
    if not is_remote(output):
        return Path(output)
    digest = hashlib.sha256(output.encode()).hexdigest()[:16]
    return scratch / f"{digest}{Path(output).suffix}"


def check(output: str, *, overwrite: bool) -> None:
    """Raise UsageError or OutputError now if a result could not go there. Makes no folder."""
    if is_remote(output):
        if Path(output).suffix.lower() not in CONTAINERS:
            raise UsageError(f"{output}: the output's name must end in {' or '.join(CONTAINERS)}")
        if not overwrite and exists(output):
            raise OutputError(f"{output} exists already; use --force to replace it")
        return
    path = Path(output)
    if path.parent.is_dir():
        check_output(path, overwrite=overwrite)
        return
    if path.suffix.lower() not in CONTAINERS:
        raise UsageError(f"{path}: the output's name must end in {' or '.join(CONTAINERS)}")
    above = next(folder for folder in path.parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise OutputError(f"{path}: no folder can be made in {above}")


def exists(output: str) -> bool:
    """Whether there is a whole result."""
    if not is_remote(output):
        return Path(output).exists()
    system, path = _system(output)
    return bool(_reached(output, lambda: system.exists(path)))


def print_of(output: str) -> str | None:
    """A text that changes when the file there is replaced; None if there is none."""
    if is_remote(output):
        return "there" if exists(output) else None
    try:
        facts = os.stat(output)
    except OSError:
        return None
    return f"{facts.st_ino} {facts.st_size} {facts.st_mtime_ns}"


def deliver(path: Path, output: str) -> None:
    """Bring a built video to its place, where it appears whole; nothing to do if it lies there."""
    if not is_remote(output):
        return
    system, target = _system(output)
    partial = f"{target}.partial"

    def send() -> None:
        system.makedirs(system._parent(target), exist_ok=True)
        system.put_file(str(path), partial)
        system.mv(partial, target)

    _reached(output, send)
    path.unlink()


def _system(output: str) -> tuple[Any, str]:
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(output)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{output}: {' '.join(str(error).split())}") from error
    return system, str(path)


def _reached(output: str, work: Any) -> Any:
    """What the work gives; whatever a store's client raises becomes an OutputError."""
    try:
        return work()
    except Exception as error:  # every client has its own errors
        raise OutputError(f"{output} cannot be reached: {' '.join(str(error).split())}") from error
