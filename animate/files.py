"""Outputs that appear when they are whole, or not at all."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from animate.errors import ModelError, OutputError, UsageError

MOST_DEPTH = 100  # of brackets in YAML, which is read by recursion
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


def keep_inputs(output: Path, *inputs: Path) -> None:
    """Raise UsageError if writing the output would replace one of the inputs."""
    if output.resolve() in [source.resolve() for source in inputs]:
        raise UsageError(f"{output} is the input; give the output another name")


def is_text(name: str) -> bool:
    """Whether a file's name can be written down; on Unix it may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_film(source: Path) -> bool:
    """Whether a file is to be read as a film, by its first bytes."""
    from pose.sniff import first_bytes, is_transport_stream, is_video

    head = first_bytes(source)
    return is_video(head) or is_transport_stream(head)


def read_text(path: Path, most: int, remedy: str) -> str:
    """A text file of at most so many bytes. Raises UsageError with the remedy for a longer one."""
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
        if len(raw) > most:
            raise UsageError(f"{path}: more than {most >> 20} MB; {remedy}")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8: save it as that") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def read_object(path: Path) -> dict[str, Any]:
    """What a JSON file of a model says. Raises ModelError unless it is keys and values."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} is missing or damaged; copy or download it again") from error
    raise ModelError(f"{path}: expected keys and values; copy or download it again")


def check_nesting(path: Path, text: str) -> None:
    """Refuse nests that would exhaust the stack of YAML's reader, which is not Python's."""
    depth = 0
    for line, words in enumerate(text.splitlines(), start=1):
        depth = max(0, depth + sum(map(words.count, "[{")) - sum(map(words.count, "]}")))
        indent = len(words) - len(words.lstrip(" -?"))
        if max(depth, words.count("["), words.count("{"), indent // 10) > MOST_DEPTH:
            raise UsageError(f"{path}, line {line}: nested too deep")


def refuse_links(folder: Path, inner: tuple[str, ...] = ()) -> None:
    """Raise OutputError if a folder that is ours alone, or what lies in it, is a symbolic link.

    Its files are written and removed by their names: through a link that would be elsewhere. inner:
    folders in it that are looked into too.
    """
    try:
        places = [folder, *(folder / name for name in inner)]
        found = [path for place in places if place.is_dir() for path in place.iterdir()]
        link = next((path for path in (*places, *found) if path.is_symlink()), None)
    except OSError as error:
        raise OutputError(f"{folder} cannot be read: {error.strerror or error}") from error
    if link is not None:
        raise OutputError(f"{link} is a link, where only files of this program belong; remove it")


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
