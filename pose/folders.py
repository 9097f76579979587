"""Folders of numbered files, and a folder of pictures as a film."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose.errors import VideoError
from pose.pictures import load_image
from pose.skeleton import Floats, Frame
from pose.sniff import explain_picture
from pose.video import FALLBACK_FPS, LEAST_SIDE, Clip, VideoInfo, check_selection

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
BLACK = (0, 0, 0)
EXIF_ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)  # the values that exchange width and height


def natural_key(path: Path) -> tuple[tuple[int, int | str], ...]:
    """Sorts names as people do: frame2 before frame10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return (*((0, int(part)) if part.isdecimal() else (1, part) for part in parts), (2, path.name))


def find_pictures(folder: Path) -> list[Path]:
    """The pictures in a folder in natural order, by their suffix; hidden files are left out."""
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES]
    except OSError as error:
        raise VideoError(f"{folder} cannot be read: {error.strerror or error}") from error
    return sorted((p for p in found if not p.name.startswith(".")), key=natural_key)


class PictureFolder(Clip):
    """The pictures of a folder as frames at a steady rate, read one by one while being iterated."""

    def __init__(
        self,
        info: VideoInfo,
        indices: NDArray[np.int64],
        times: Floats,
        fps: float,
        pictures: list[Path],
    ) -> None:
        super().__init__(info, indices, times, fps)
        self.pictures = pictures  # all of the folder; `indices` are places in it

    def __getitem__(self, position: int) -> Frame:
        """Frame `position` as (H, W, 3) uint8 RGB. Raises VideoError if it is damaged."""
        path = self.pictures[int(self.indices[position])]
        frame = load_image(path, background=BLACK)
        _check_size(path, (frame.shape[1], frame.shape[0]), self.size, self.pictures[0])
        return frame

    def __iter__(self) -> Iterator[Frame]:
        return self.part(0, len(self))

    def part(self, start: int, stop: int) -> Iterator[Frame]:
        """Frames start to stop."""
        return (self[position] for position in range(start, min(stop, len(self))))


def open_pictures(
    folder: str | os.PathLike[str],
    *,
    fps: float | None = None,
    stride: int = 1,
    frames: int | None = None,
) -> PictureFolder:
    """Open a folder of pictures of one size as a film; none is decoded yet.

    fps: the rate the pictures were taken at (default 25); stride: take every n-th; frames: at
    most so many. The rate of the result is fps / stride. Raises VideoError if there are no
    pictures or sizes differ, ValueError for settings that make no sense.
    """
    check_selection(fps, stride, frames)
    folder = Path(folder)
    pictures = find_pictures(folder)
    if not pictures:
        raise VideoError(f"{folder} holds no pictures; expected PNG, JPEG, WebP, BMP or TIFF files")
    indices = np.arange(len(pictures))[: None if frames is None else frames * stride : stride]
    size = _size_of(pictures[0])
    for index in indices:
        _check_size(pictures[index], _size_of(pictures[index]), size, pictures[0])
    rate = float(fps or FALLBACK_FPS)
    info = VideoInfo(
        path=folder,
        width=size[0],
        height=size[1],
        fps=rate,
        frames=len(pictures),
        duration=len(pictures) / rate,
    )
    return PictureFolder(info, indices, indices / rate, rate / stride, pictures)


def _size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is to be seen, from its header."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                turned = picture.getexif().get(EXIF_ORIENTATION) in SIDEWAYS
                width, height = picture.size
    except Exception as error:  # Pillow's decoders raise whatever their format makes them
        raise VideoError(explain_picture(path)) from error
    return (height, width) if turned else (width, height)


def _check_size(path: Path, size: tuple[int, int], wanted: tuple[int, int], first: Path) -> None:
    if min(size) < LEAST_SIDE:
        raise VideoError(f"{path}: the picture is only {size[0]}x{size[1]} pixels; need at least "
                         f"{LEAST_SIDE}x{LEAST_SIDE}")  # fmt: skip
    if size != wanted:
        raise VideoError(
            f"{path} has {size[0]}x{size[1]} pixels, but {first.name} has {wanted[0]}x{wanted[1]}; "
            "the frames of a film need one size"
        )
