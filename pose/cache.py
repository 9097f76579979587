"""Results of tracking, kept in the user's cache folder: the second run starts at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from pose.backends import Backend, resolve_backend, version_of
from pose.errors import PoseError, VideoError
from pose.folders import PictureFolder
from pose.identity import Person
from pose.npz import VERSION, load_poses, save_poses
from pose.observe import Progress
from pose.places import cache_home
from pose.refine import SMOOTH
from pose.skeleton import PoseSequence
from pose.track import track
from pose.video import Clip, open_video

FOLDER_VARIABLE = "ANIMATE_CACHE"
MOST_BYTES = 2 << 30  # of all entries; the ones that were not used for longest go first
BLOCK = 1 << 20  # bytes that are hashed at a time
ABANDONED = 24 * 3600.0  # seconds after which a file that is not whole belongs to no run


def track_cached(
    source: str | os.PathLike[str] | Clip,
    *,
    backend: str | Backend = "auto",
    person: Person = "largest",
    smooth: float = SMOOTH,
    workers: int | None = None,
    progress: Progress | None = None,
    enabled: bool = True,
) -> tuple[PoseSequence, bool]:
    """`pose.track.track`, remembered; the poses, and whether they were known already.

    The poses also name their source and the SHA-256 of its bytes. What counts is the content of
    the file, the frames and rate of the clip, the estimator with its version, `person`, `smooth`
    and this package's own code. A cache that cannot be used never fails the run. enabled: False
    neither reads nor writes it.
    """
    clip = source if isinstance(source, Clip) else open_video(source)
    name, digest = clip.info.path.resolve().name, hash_source(clip)
    entry = None
    if enabled:
        if isinstance(backend, str):
            backend = resolve_backend(backend)
        label = backend if isinstance(backend, str) else backend.name
        facts = (label, version_of(backend))
        entry = cache_folder() / f"{_key(digest, clip, *facts, person, smooth)}.npz"
        known = _recall(entry, digest)
        if known is not None:
            if len(known) < len(clip):  # where tracking ended then, reading would end now
                clip.damaged = float(clip.times[len(known)])
            if progress:
                progress(len(known), len(known))
            return replace(known, source=name), True
    poses = track(
        clip, backend=backend, person=person, smooth=smooth, workers=workers, progress=progress
    )
    poses = replace(poses, source=name, source_hash=digest)
    if entry is not None:
        _remember(entry, poses)
    return poses, False


def hash_source(clip: Clip) -> str:
    """SHA-256 of a file's bytes, or of the SHA-256 sums of a folder's pictures, in hexadecimal."""
    if not isinstance(clip, PictureFolder):
        return _hash_file(clip.info.path)
    sums = (_hash_file(picture) for picture in clip.pictures)
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def cache_folder() -> Path:
    """Where entries lie: in ANIMATE_CACHE, or where this system keeps caches of programs."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen) / "poses"
    return cache_home() / "animate" / "poses"


def _key(digest: str, clip: Clip, backend: str, version: str, person: Person, smooth: float) -> str:
    """One name for all that decides the result."""
    facts = {
        "source": digest,
        "frames": _hash([clip.indices.tobytes(), clip.times.tobytes()]),
        "fps": clip.fps,
        "backend": [backend, version],
        "person": list(person) if isinstance(person, tuple) else person,
        "smooth": smooth,
        "format": VERSION,
        "code": _own_code(),
    }
    return _hash([json.dumps(facts, sort_keys=True, default=float).encode()])


@cache
def _own_code() -> str:
    """A hash of this package's sources: better tracking must not be answered with old results."""
    folder = Path(__file__).parent
    return _hash(path.read_bytes() for path in sorted(folder.rglob("*.py")))


def _hash(parts: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()


def _hash_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _hash(iter(lambda: file.read(BLOCK), b""))
    except OSError as error:
        raise VideoError(f"{path} cannot be read: {error.strerror or error}") from error


def _recall(entry: Path, digest: str) -> PoseSequence | None:
    """The poses of an entry, None if there is none that can be read."""
    with contextlib.suppress(OSError, PoseError):
        poses = load_poses(entry)
        os.utime(entry)  # used now: it will go later than others
        return poses if poses.source_hash == digest else None
    return None


def _remember(entry: Path, poses: PoseSequence) -> None:
    with contextlib.suppress(OSError, PoseError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        save_poses(entry, poses)
        _make_room(entry.parent)


def _make_room(folder: Path) -> None:
    """Remove the entries used longest ago until the rest fits, and what broken runs left."""
    entries: list[tuple[float, int, Path]] = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another process may have removed it
            facts = path.stat()
            if path.suffix == ".npz":
                entries.append((facts.st_mtime, facts.st_size, path))
            elif path.suffix == ".partial" and time.time() - facts.st_mtime > ABANDONED:
                path.unlink()
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= MOST_BYTES:
            return
        with contextlib.suppress(OSError):
            path.unlink()
        total -= size
