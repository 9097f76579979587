"""Captions that the user gives: NAME.txt beside a file, or one JSONL file for all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from animate.errors import UsageError

FILE_KEYS, TEXT_KEYS = ("file", "file_name", "video", "image"), ("caption", "text", "prompt")


def read_captions(path: Path | None) -> dict[str, str]:
    """Captions by file name from JSON lines such as {"file": "a.mp4", "caption": "..."}.

    Raises UsageError for a line that says something else.
    """
    captions: dict[str, str] = {}
    if path is None:
        return captions
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8: save it as that") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            name = next(values[key] for key in FILE_KEYS if key in values)
            captions[str(name)] = str(next(values[key] for key in TEXT_KEYS if key in values))
        except (ValueError, TypeError, StopIteration, RecursionError) as error:
            raise UsageError(
                f"{path}, line {number}: expected "
                '{"file": "NAME.mp4", "caption": "TEXT"}, got ' + line[:80]
            ) from error
    return captions


def caption_for(source: Path, captions: Mapping[str, str]) -> str:
    """The caption of a file, from the list by its path or name, else from NAME.txt beside it."""
    for name in (str(source), source.name, source.stem):
        if name in captions:
            return captions[name]
    beside = source.with_suffix(".txt")
    if beside.is_file():
        return " ".join(beside.read_text(encoding="utf-8-sig").split())
    return ""
