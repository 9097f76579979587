"""Manifests, YAML, JSON Lines or CSV, as rows of plain text that know their line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animate.batch.jobs import Problem
from animate.errors import UsageError
from animate.files import check_nesting, read_text

Value = str | list[str]  # as written; what a flag wants is read later
Values = dict[str, Value]

READERS = (".yaml", ".yml", ".jsonl", ".ndjson", ".csv")
# Bytes that a manifest may have: more lines than anybody queues, and read within seconds. YAML is
# slow to read, and a megabyte of it holds some ten thousand jobs.
MOST_BYTES = {".yaml": 1 << 20, ".yml": 1 << 20}
MOST_BYTES_ELSE = 64 << 20
SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Row:
    """One entry: the keys that stand there, and its line, counted from 1."""

    line: int
    values: Values


@dataclass(frozen=True)
class Manifest:
    """What a file says: defaults for every row, the rows, and the lines that cannot be used."""

    path: Path
    defaults: Values
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]


def read_manifest(path: Path) -> Manifest:
    """Read a list of jobs by its suffix. Raises UsageError if it is no such list at all."""
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise UsageError(f"{path}: expected a list of jobs in {', '.join(READERS)}")
    most = MOST_BYTES.get(suffix, MOST_BYTES_ELSE)
    text = read_text(path, most, "split it, or use JSON Lines")
    reader = {".csv": _read_csv, ".jsonl": _read_lines, ".ndjson": _read_lines}.get(
        suffix, _read_yaml
    )
    defaults: Values = {}
    rows: list[Row] = []
    problems: list[Problem] = []
    for line, found in reader(path, text):
        try:
            if isinstance(found, _Defaults):
                defaults = _plain(found.values)
            else:
                rows.append(Row(line, _plain(found)))
        except UsageError as error:
            problems.append(Problem(line, str(error)))
    if not rows and not problems:
        raise UsageError(f"{path} lists no jobs")
    return Manifest(path, defaults, tuple(rows), tuple(problems))


@dataclass(frozen=True)
class _Defaults:
    values: Any


def _read_csv(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """A row of names, then a row for each entry; an empty cell says nothing."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in next(rows, [])]
        line = rows.line_num + 1
        for cells in rows:
            if any(cell.strip() for cell in cells):
                yield line, _pair(names, cells)
            line = rows.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{path}, line {rows.line_num}: {error}") from error


def _pair(names: list[str], cells: list[str]) -> Any:
    if len(cells) > len(names):
        return f"{len(cells)} cells under {len(names)} names"  # refused, as it is no mapping
    return {name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()}


def _read_lines(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """An object a line; {"defaults": {...}} stands for itself."""
    for line, words in enumerate(text.splitlines(), start=1):
        if not words.strip():
            continue
        try:
            found = json.loads(words, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            found = f"no JSON: {error}"
        if isinstance(found, dict) and list(found) == ["defaults"]:
            found = _Defaults(found["defaults"])
        yield line, found


def _read_yaml(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """A list of entries, or `defaults:` and `jobs:`."""
    import yaml

    try:
        check_nesting(path, text)
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    listed = root
    if isinstance(root, yaml.MappingNode):
        parts = {key.value: value for key, value in root.value}
        unknown = [str(name) for name in parts if name not in ("defaults", "jobs")]
        if unknown or "jobs" not in parts:
            wrong = f"{unknown[0]!r} is neither" if unknown else "jobs: is missing"
            raise UsageError(f"{path}: expected defaults: and jobs:; {wrong}")
        if "defaults" in parts:
            yield parts["defaults"].start_mark.line + 1, _Defaults(_built(parts["defaults"], 0))
        listed = parts["jobs"]
    if not isinstance(listed, yaml.SequenceNode):
        raise UsageError(f"{path}: expected a list of jobs, each a '-' with keys and values")
    for node in listed.value:
        yield node.start_mark.line + 1, _built(node, 0)


def _built(node: Any, depth: int) -> Any:
    """A YAML node with its scalars as they are written: 1:3 is a ramp, not 63."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return None if node.tag.endswith(":null") else node.value
    if depth > 1:
        return {}  # refused: no option has so many levels
    if isinstance(node, yaml.SequenceNode):
        return [_built(one, depth + 1) for one in node.value]
    return {_built(key, depth + 1): _built(value, depth + 1) for key, value in node.value
            if isinstance(key, yaml.ScalarNode)}  # fmt: skip


def _plain(found: Any) -> Values:
    """Keys and values as text. Raises UsageError for anything else."""
    if not isinstance(found, dict):
        told = found if isinstance(found, str) and len(found) < 200 else type(found).__name__
        raise UsageError(f"expected keys and values, got {told}")
    return {
        str(key).strip().replace("_", "-"): _value(str(key), value)
        for key, value in found.items()
        if value is not None
    }


def _value(key: str, value: Any) -> Value:
    if isinstance(value, list) and all(isinstance(one, SCALARS) for one in value):
        return [_scalar(one) for one in value]
    if isinstance(value, SCALARS):
        return _scalar(value)
    raise UsageError(f"{key} expects a value or a list of values")


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
