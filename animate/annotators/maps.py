"""Control maps from outside, of any size, mode and depth of bits, as one kind of array."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.annotators.kinds import Kind, kind_of
from animate.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image

Frame = NDArray[np.uint8]  # (H, W, 3) RGB
Fit = Literal["crop", "stretch"]
FITS = ("crop", "stretch")
LABELS = 8  # masks with no higher value than this hold numbers of classes, not grey


def read_map(
    source: str | os.PathLike[str] | Image.Image | NDArray[Any],
    kind: str,
    *,
    size: tuple[int, int] | None = None,
    fit: Fit = "crop",
    invert: bool = False,
) -> Frame:
    """A control map (H, W, 3) uint8 as the checkpoints know it, from a file, picture or array.

    Arrays may be (H, W) or (H, W, 1 to 4), bool, 8 or 16 bits or floating-point; what is
    transparent becomes black, except that of a mask the opaque part is the person. Depth of more
    than 8 bits is spread over all levels. size (width, height): see `fit_map`. invert: for maps
    that are bright where they should be dark, as depth that grows with the distance. Raises
    pose.VideoError for unreadable files and UsageError for arrays that are no picture.
    """
    facts = kind_of(kind)
    picture = from_values(values_of(source), facts)
    if invert:
        picture = np.asarray(255 - picture, dtype=np.uint8)
    return picture if size is None else fit_map(picture, kind, size, fit)


def fit_picture(picture: Frame, size: tuple[int, int] | None, fit: Fit = "crop") -> Frame:
    """An ordinary picture (H, W, 3) at another size, with crop or stretch as in `fit_map`."""
    if size is None or (picture.shape[1], picture.shape[0]) == size:
        return picture
    part = _part(picture, size, fit)
    method = cv2.INTER_AREA if part.shape[0] >= size[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, size, interpolation=method), dtype=np.uint8)


def fit_map(picture: Frame, kind: str, size: tuple[int, int], fit: Fit = "crop") -> Frame:
    """A map (H, W, 3) at another size (width, height), without washing out what it says.

    crop: scaled to cover the size, its middle kept, as references are framed; stretch: each side
    scaled alone. Strokes stay as bright as they are, classes are never mixed.
    """
    facts = kind_of(kind)
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    part = _part(picture, size, fit)
    ratio = (part.shape[1] / size[0], part.shape[0] / size[1])  # above 1 it becomes smaller
    if facts.thin and max(ratio) > 1:
        # Nearest neighbours would cut strokes up, averages would dim them.
        kernel = np.ones([max(int(np.ceil(side)), 1) for side in reversed(ratio)], np.uint8)
        part = np.asarray(cv2.dilate(part, kernel), dtype=np.uint8)
    if facts.thin or facts.flat:
        method = cv2.INTER_NEAREST_EXACT
    else:
        method = cv2.INTER_AREA if min(ratio) >= 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, size, interpolation=method), dtype=np.uint8)


def _part(picture: Frame, size: tuple[int, int], fit: Fit) -> Frame:
    """All of a picture, or its largest middle with the aspect ratio of the size."""
    if fit not in FITS:
        raise UsageError(f"unknown fit {fit!r}; expected {' or '.join(FITS)}")
    if min(size) < 1:
        raise UsageError(f"cannot fit a picture into {size[0]}x{size[1]} pixels")
    if fit == "stretch":
        return picture
    height, width = picture.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    across, down = min(round(size[0] / scale), width), min(round(size[1] / scale), height)
    left, top = (width - across) // 2, (height - down) // 2
    return np.ascontiguousarray(picture[top : top + max(down, 1), left : left + max(across, 1)])


def values_of(source: str | os.PathLike[str] | Image.Image | NDArray[Any]) -> NDArray[Any]:
    """(H, W, C) of whatever holds a picture, with its own type of numbers; C is 1, 3 or 4."""
    from PIL import Image

    if isinstance(source, (str, os.PathLike)):
        from pose.pictures import open_picture

        source = open_picture(Path(source))
    if isinstance(source, Image.Image):
        source = _plain(source)
    values = np.asarray(source)
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim == 3 and values.shape[2] == 2:  # grey and alpha
        values = values[..., [0, 0, 0, 1]]
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4) or not values.size:
        raise UsageError(
            f"a control map is a picture (H, W), (H, W, 3) or (H, W, 4), got {values.shape}"
        )
    if values.dtype.kind not in "buif":
        raise UsageError(f"a control map holds numbers, got {values.dtype}")
    return values


def _plain(picture: Image.Image) -> Image.Image:
    """The same picture in a mode whose array holds what is to be seen."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return picture
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture if picture.mode in ("1", "L", "RGB") else picture.convert("RGB")


def is_cut_out(values: NDArray[Any]) -> bool:
    """Whether something of a picture (H, W, C) is transparent."""
    return bool(values.shape[2] == 4 and _eight_bits(values[..., 3:], spread=False).min() < 255)


def from_values(values: NDArray[Any], facts: Kind) -> Frame:
    """(H, W, 3) uint8 of (H, W, 1, 3 or 4) in any numbers."""
    if values.shape[2] == 4:
        alpha = _eight_bits(values[..., 3:], spread=False)
        if facts.name == "mask" and is_cut_out(values):
            return np.repeat(alpha, 3, axis=2)
        colours = _eight_bits(values[..., :3], spread=False)
        picture = np.asarray(cv2.multiply(colours, np.repeat(alpha, 3, axis=2), scale=1 / 255))
    else:
        picture = _eight_bits(values, spread=facts.name == "depth")
    if facts.tones == "colours":
        return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))
    grey = picture if picture.shape[2] == 1 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    grey = grey.reshape(*picture.shape[:2], 1)
    if facts.tones == "two" and 0 < grey.max() < LABELS:
        grey = np.where(grey > 0, 255, 0).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(grey, 3, axis=2))


def _eight_bits(values: NDArray[Any], *, spread: bool) -> Frame:
    """0 to 255 of any numbers; spread: the least value becomes 0, the greatest 255.

    Else 16 bits are divided by 257, and floating-point numbers up to 1 are parts of white.
    """
    if values.dtype == np.uint8:
        return np.asarray(values)
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    known = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    numbers = np.where(known, values, 0).astype(np.float32)
    highest = float(numbers.max(initial=0.0, where=known))
    if spread:
        lowest = float(numbers.min(initial=highest, where=known))
        numbers = (numbers - lowest) * (255.0 / max(highest - lowest, 1e-12))
    elif values.dtype.kind == "f" and highest <= 1.0:
        numbers *= 255.0
    elif highest > 255.0:
        numbers /= 257.0
    return np.asarray(np.where(known, np.rint(numbers.clip(0, 255)), 0), dtype=np.uint8)
