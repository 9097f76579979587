"""Clips packed into WebDataset shards: plain tars whose members share their clip's name."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from animate.files import partial_path
from animate.training.prepare.index import CONTROLS, DatasetError, Row

FOLDER = "shards"
SHARD_BYTES = 512 << 20  # a shard is closed when it holds more


def pack(folder: Path, rows: Iterable[Row], *, most: int = SHARD_BYTES) -> list[Row]:
    """Put the files of rows that lie in folders into new shards; all rows, those packed before too.

    The files stay where they are until `clear` removes them.
    """
    rows = sorted(rows, key=lambda row: row.name)
    number = len({row.shard for row in rows if row.shard})
    packed = [row for row in rows if row.shard]
    (folder / FOLDER).mkdir(exist_ok=True)
    for group in _groups(folder, [row for row in rows if not row.shard], most):
        packed += _write(folder, f"{FOLDER}/{number:06d}.tar", group)
        number += 1
    return sorted(packed, key=lambda row: row.name)


def clear(folder: Path, rows: Iterable[Row]) -> None:
    """Remove files that are in shards now."""
    for row in rows:
        for path in row.files if row.shard else []:
            (folder / path).unlink(missing_ok=True)


def read_member(folder: Path, row: Row, path: str) -> bytes:
    """The bytes of one of a row's files. Raises DatasetError."""
    where = folder / (row.shard or path)
    if row.shard and path not in row.members:
        raise DatasetError(f"{where}: the index does not say where {path} is; prepare it again")
    at, size = row.members[path] if row.shard else (0, -1)
    try:
        with where.open("rb") as file:
            if at + size > os.fstat(file.fileno()).st_size:
                raise DatasetError(f"{where} is cut off; copy it again")
            file.seek(at)
            return file.read(size)
    except OSError as error:
        raise DatasetError(f"{where} cannot be read: {error.strerror or error}") from error


def _groups(folder: Path, rows: list[Row], most: int) -> Iterator[list[Row]]:
    group: list[Row] = []
    held = 0
    for row in rows:
        group.append(row)
        held += sum((folder / path).stat().st_size for path in row.files)
        if held > most:
            yield group
            group, held = [], 0
    if group:
        yield group


def _write(folder: Path, shard: str, rows: list[Row]) -> list[Row]:
    """One tar, which appears when it is whole; the rows with their places in it."""
    target = folder / shard
    partial = partial_path(target)
    try:
        with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as tar:
            for row in rows:
                for path in row.files:
                    _add(tar, _member_name(row, path), (folder / path).read_bytes())
                _add(tar, f"{row.name}.json", json.dumps(asdict(row)).encode())
                _add(tar, f"{row.name}.txt", row.caption.encode())
        with tarfile.open(partial) as tar:
            places = {member.name: (member.offset_data, member.size) for member in tar}
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return [
        replace(
            row,
            shard=shard,
            members={path: places[_member_name(row, path)] for path in row.files},
        )
        for row in rows
    ]


def _member_name(row: Row, path: str) -> str:
    """WebDataset groups members by what stands before the first dot."""
    parts = Path(path).parts
    kind = f".{parts[1]}" if parts[0] == CONTROLS else ""
    return f"{row.name}{kind}{Path(path).suffix}"


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """A member without owner and date, so that equal data gives equal tars."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
