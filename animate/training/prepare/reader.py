"""The files of a prepared data set: frames and keypoints, from folders or shards."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animate.training.prepare.index import Row
from animate.training.prepare.shards import read_member
from pose.files import load_poses
from pose.skeleton import PoseSequence
from pose.video import Clip, VideoInfo, load_image

Frame = NDArray[np.uint8]

MEMORY = 1 << 30  # bytes


class Reader:
    """Reads what belongs to rows; a data set that fits into so much memory is read only once."""

    def __init__(self, folder: Path, rows: Iterable[Row], memory: int = MEMORY) -> None:
        self.folder = folder
        decoded = sum(row.frames * row.width * row.height * 3 for row in rows)
        self.keeps = decoded <= memory
        self._kept: dict[tuple[str, str], dict[int, Frame]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """A process that loads data starts with nothing in memory."""
        return {**self.__dict__, "_kept": {}}

    def frames(self, row: Row, path: str, places: Sequence[int]) -> list[Frame]:
        """Frames (H, W, 3) of one of a row's files, in this order. Raises ValueError if damaged."""
        key = (row.name, path)
        found = self._kept.get(key)
        if found is None:
            wanted = range(row.frames) if self.keeps else sorted(set(places))
            found = self._decode(row, path, wanted)
            if self.keeps:
                self._kept[key] = found
        missing = [place for place in places if place not in found]
        if missing:
            raise ValueError(f"frame {missing[0]} cannot be read, the film is damaged")
        return [found[place] for place in places]

    def poses(self, row: Row) -> PoseSequence | None:
        """The keypoints, where there are any. Raises PoseFileError, and ValueError if too few."""
        if not row.poses:
            return None
        with _file(self.folder, row, row.poses) as path:
            poses = load_poses(path)
        if len(poses) < row.frames:
            raise ValueError(f"keypoints of {len(poses)} frames for {row.frames}")
        return poses

    def _decode(self, row: Row, path: str, places: Sequence[int]) -> dict[int, Frame]:
        with _file(self.folder, row, path) as file:
            if row.still:
                return {0: load_image(file)}
            part = zip(places, _frames_at(file, row, places), strict=False)
            return {place: frame.copy() for place, frame in part}


def _frames_at(path: Path, row: Row, places: Sequence[int]) -> Clip:
    """Some frames, in rising order, of a row's film, of which all is known but the pixels."""
    info = VideoInfo(
        path=path,
        width=row.width,
        height=row.height,
        fps=row.fps,
        frames=row.frames,
        duration=row.frames / row.fps,
    )
    return Clip(info, np.array(places), np.array(places) / row.fps, row.fps)


@contextmanager
def _file(folder: Path, row: Row, path: str) -> Iterator[Path]:
    """A path at which one of a row's files can be read; from a shard it is copied out."""
    if not row.shard:
        yield folder / path
        return
    content = read_member(folder, row, path)
    # Closed before it is opened by name, as Windows needs it.
    with tempfile.NamedTemporaryFile(suffix=Path(path).suffix, delete=False) as file:
        file.write(content)
    try:
        yield Path(file.name)
    finally:
        with contextlib.suppress(OSError):
            Path(file.name).unlink()
