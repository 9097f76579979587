"""The keypoint file: all that is known of a video's poses, exactly, in one npz."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.lib.format

from pose.errors import PoseFileError
from pose.skeleton import COUNT, PoseSequence
from pose.whole import LONGEST_SIDE, MOST_BYTES, MOST_PIXELS, check_room, whole

FORMAT = "animate-poses"
VERSION = 1

# Every array of the file: what its values convert to without loss, and its shape.
FIELDS: dict[str, tuple[type, tuple[str | int, ...]]] = {
    "format": (str, ()),
    "version": (np.int64, ()),
    "keypoints": (np.float64, ("F", "P", COUNT, 2)),
    "scores": (np.float64, ("F", "P", COUNT)),
    "marks": (np.uint8, ("F", "P", COUNT)),
    "crowd": (np.int64, ("F",)),
    "ids": (np.int64, ("P",)),
    "fps": (np.float64, ()),
    "times": (np.float64, ("F",)),
    "size": (np.int64, (2,)),
    "source": (str, ()),
    "source_hash": (str, ()),
    "backend": (str, ()),
    "backend_version": (str, ()),
}
LONGEST_TEXT = 4096  # characters
RATES = (1e-3, 1e6)  # frames per second, besides 0 for a still picture
MOST_MEMBERS = 64
LONGEST_DIRECTORY = 64 << 10  # bytes
# The end record of a zip file and its 64-bit twin (PKWARE's APPNOTE 4.3.15 and 4.3.16); a
# keypoint file has no comment, so the first one is the end of the file.
END, END_LENGTH, LOCATOR, LOCATOR_LENGTH = b"PK\x05\x06", 22, b"PK\x06\x07", 20
npy: Any = numpy.lib.format  # numpy does not annotate it
READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def save_poses(path: str | os.PathLike[str], poses: PoseSequence) -> None:
    """Write a keypoint file, which appears when it is whole. Raises PoseFileError."""
    path = Path(path)
    check_room(path, len(poses), poses.people)
    values: dict[str, Any] = {name: getattr(poses, name, None) for name in FIELDS}
    values |= {"format": FORMAT, "version": VERSION}
    arrays: dict[str, Any] = {n: np.asarray(values[n], kind) for n, (kind, _) in FIELDS.items()}
    with whole(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, **arrays)


def load_poses(path: str | os.PathLike[str]) -> PoseSequence:
    """Read a keypoint file. Sizes are checked before any array is read.

    Raises PoseFileError if the file is missing, damaged, too large, of a newer version or none.
    """
    path = Path(path)
    try:
        _check_directory(path)
    except OSError as error:
        raise PoseFileError(f"{path} cannot be opened: {error.strerror or error}") from error
    try:
        values = _read(path)
    except PoseFileError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise whatever damage makes them
        reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
        raise PoseFileError(
            f"{path} is damaged or no keypoint file: {reason}; make or copy it again"
        ) from error
    _check_values(path, values)
    del values["format"], values["version"]
    values["size"] = (int(values["size"][0]), int(values["size"][1]))
    values["ids"] = tuple(values["ids"].tolist())
    return PoseSequence(**values)


def _read(path: Path) -> dict[str, Any]:
    """The fields by name: arrays, numbers and texts."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        if sum(info.file_size for info in members.values()) > MOST_BYTES:
            raise PoseFileError(
                f"{path} would unpack to more than {MOST_BYTES >> 20} MiB, the limit for a "
                "keypoint file"
            )
        known: dict[str, int] = {}
        for name in ("format", "version"):
            _check_header(path, archive, members, name, known)
        _check_version(path, _value(archive, "format"), _value(archive, "version"))
        for name in FIELDS:
            _check_header(path, archive, members, name, known)
        if not known["F"]:
            raise PoseFileError(f"{path} holds no frame")
        return {name: _value(archive, name) for name in FIELDS}


def _check_directory(path: Path) -> None:
    """Refuse a zip directory that is missing or would itself fill the memory."""
    with path.open("rb") as file:
        start = file.read(4)
        length = file.seek(0, os.SEEK_END)
        file.seek(max(length - END_LENGTH - LOCATOR_LENGTH, 0))
        tail = file.read()
    if start != b"PK\x03\x04":
        raise PoseFileError(f"{path} is no keypoint file; expected an npz that `animate` wrote")
    end, before = tail[-END_LENGTH:], tail[:-END_LENGTH]
    if not end.startswith(END):
        raise PoseFileError(f"{path} is cut off or no keypoint file; make or copy it again")
    count, size = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if count > MOST_MEMBERS or size > LONGEST_DIRECTORY or before.startswith(LOCATOR):
        raise PoseFileError(f"{path} holds far more than a keypoint file; is it another archive?")


def _check_header(
    path: Path,
    archive: zipfile.ZipFile,
    members: dict[str, zipfile.ZipInfo],
    name: str,
    known: dict[str, int],
) -> None:
    """Refuse an array of another type or shape; `known` collects the lengths F and P."""
    info = members.get(f"{name}.npy")
    if info is None:
        raise PoseFileError(f"{path} lacks {name!r}: it is no keypoint file of version {VERSION}")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PoseFileError(f"{path}: {name!r} is packed in a way that keypoint files never use")
    with archive.open(info) as member:
        shape, _, dtype = READERS[npy.read_magic(member)](member)
        declared = member.tell() + int(np.prod(shape, dtype=object)) * dtype.itemsize
    kind, lengths = FIELDS[name]
    fits = dtype.kind == "U" if kind is str else np.can_cast(dtype, kind, "safe")
    if not fits or (kind is str and dtype.itemsize > 4 * LONGEST_TEXT):
        expected = f"at most {LONGEST_TEXT} characters" if kind is str else np.dtype(kind).name
        raise PoseFileError(f"{path}: {name!r} is of type {dtype.str}, expected {expected}")
    wanted = tuple(known.get(n, n) if isinstance(n, str) else n for n in lengths)
    if len(shape) != len(wanted) or any(
        isinstance(want, int) and have != want for have, want in zip(shape, wanted, strict=True)
    ):
        expected = ", ".join(map(str, wanted))
        raise PoseFileError(f"{path}: {name!r} has the shape {shape}, expected ({expected})")
    known |= {n: have for have, n in zip(shape, lengths, strict=True) if isinstance(n, str)}
    if declared != info.file_size:
        raise PoseFileError(f"{path}: {name!r} holds another number of values than it says")


def _value(archive: zipfile.ZipFile, name: str) -> Any:
    """An array, or what a 0-dimensional one holds."""
    with archive.open(f"{name}.npy") as member:
        array = npy.read_array(member, allow_pickle=False)
    return array if array.ndim else array.item()


def _check_version(path: Path, name: str, version: int) -> None:
    if name != FORMAT:
        raise PoseFileError(f"{path}: expected the format {FORMAT!r}, got {name[:40]!r}")
    if version > VERSION:
        raise PoseFileError(
            f"{path} is of version {version}, and this program reads up to {VERSION}; update it"
        )
    if version < 1:
        raise PoseFileError(f"{path}: there is no version {version}")


def _check_values(path: Path, values: dict[str, Any]) -> None:
    """Refuse numbers that no video has."""
    seen, times = np.isfinite(values["keypoints"]), values["times"]
    with np.errstate(invalid="ignore"):
        rules = {
            "keypoints": not (np.abs(values["keypoints"][seen]) > MOST_PIXELS).any(),
            "scores": bool(((values["scores"] >= 0) & (values["scores"] <= 1)).all()),
            "crowd": bool((values["crowd"] >= 0).all()),
            "fps": values["fps"] == 0 or RATES[0] <= values["fps"] <= RATES[1],
            "times": bool(np.isfinite(times).all() and (np.diff(times) >= 0).all()),
            "size": bool(((values["size"] >= 1) & (values["size"] <= LONGEST_SIDE)).all()),
        }
    for name, holds in rules.items():
        if not holds:
            raise PoseFileError(f"{path}: {name!r} holds values that make no sense")
