"""How many frames an MP4 or MOV file says it has, read from its boxes (ISO/IEC 14496-12).

decord takes the number at its word, and ends the process where memory for so many does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}  # on the way to the time table
TIMES = b"stts"  # section 8.6.1.2: pairs of a number of samples and their duration
HEAD, ENTRY = 8, 8  # bytes
MOST_BOXES, MOST_ENTRIES = 10_000, 1_000_000  # of a file, of a table; nobody writes as many


def says_too_many(path: Path) -> bool:
    """Whether a track says that it has more samples than the file has bytes."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return any(count > size for count in _samples(file, size))
    except OSError:
        return False


def _samples(file: BinaryIO, size: int) -> Iterator[int]:
    """The numbers of samples of every track."""
    ends, place, seen = [size], 0, 0
    while ends and seen < MOST_BOXES:
        seen += 1
        if place + HEAD > ends[-1]:
            place = ends.pop()
            continue
        length, kind, head = _box(file, place, ends[-1])
        if length < head:
            place = ends.pop()
            continue
        end = min(place + length, ends[-1])
        if kind in CONTAINERS:
            ends.append(end)
            place += head
            continue
        if kind == TIMES:
            yield _sum(file, place + head, end)
        place = end


def _box(file: BinaryIO, place: int, end: int) -> tuple[int, bytes, int]:
    """A box's length, kind, and the length of its head."""
    file.seek(place)
    length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
    if length == 1:  # the length follows, in 8 bytes
        return int.from_bytes(file.read(8), "big"), kind, 2 * HEAD
    return (length or end - place), kind, HEAD


def _sum(file: BinaryIO, place: int, end: int) -> int:
    file.seek(place + 4)  # behind version and flags
    entries = min(int.from_bytes(file.read(4), "big"), (end - place - HEAD) // ENTRY, MOST_ENTRIES)
    table = file.read(max(entries, 0) * ENTRY)
    return sum(int.from_bytes(table[at : at + 4], "big") for at in range(0, len(table), ENTRY))
