"""Read a still picture, whatever its kind, as 8-bit RGB."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pose.errors import VideoError
from pose.sniff import explain_missing, explain_picture

if TYPE_CHECKING:
    from PIL import Image

WHITE = (255, 255, 255)
MOST_PIXELS = 120_000_000  # the largest cameras have 102 million; more may not fit into memory
STRIP = 256  # rows that are blended together


def load_image(
    path: str | os.PathLike[str], background: tuple[int, int, int] = WHITE
) -> NDArray[np.uint8]:
    """Read a picture as it is meant to be seen: (H, W, 3) uint8 RGB.

    The camera's rotation (EXIF) is applied; grey, palette, CMYK and 16-bit pictures are
    converted; what is transparent shows `background` (RGB, 0 to 255). Of an animation
    the first frame is taken. Raises VideoError if the file is missing, damaged, no picture, or
    has more than MOST_PIXELS.
    """
    return flatten(open_picture(path), background)


def open_picture(path: str | os.PathLike[str]) -> Image.Image:
    """A picture as Pillow reads it, upright, in its own mode. Raises VideoError as load_image."""
    from PIL import Image, ImageOps

    path = Path(path)
    missing = explain_missing(path)
    if missing:
        raise VideoError(missing)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata, and size limits that raise below
            with Image.open(path) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise Image.DecompressionBombError
                picture.load()
                return ImageOps.exif_transpose(picture)
    except (Image.DecompressionBombError, MemoryError) as error:
        raise VideoError(f"{path} has too many pixels to be read safely; scale it down") from error
    except Exception as error:  # Pillow's decoders raise whatever their format makes them
        raise VideoError(explain_picture(path)) from error


def flatten(picture: Image.Image, background: tuple[int, int, int] = WHITE) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of a Pillow picture of any mode, as load_image."""
    if picture.mode.startswith("I") or picture.mode == "F":
        grey = _eight_bits(np.asarray(picture), picture.mode)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.has_transparency_data:
        return _blend(np.asarray(picture.convert("RGBA")), background)
    return np.array(picture.convert("RGB"), dtype=np.uint8)


def _blend(rgba: NDArray[np.uint8], background: tuple[int, int, int]) -> NDArray[np.uint8]:
    """(H, W, 3) of (H, W, 4) over a colour, a strip at a time for the sake of memory."""
    picture = np.empty((*rgba.shape[:2], 3), dtype=np.uint8)
    behind = np.array(background, dtype=np.float64)
    for top in range(0, len(rgba), STRIP):
        strip = rgba[top : top + STRIP].astype(np.float64)
        alpha = strip[..., 3:] / 255.0
        picture[top : top + STRIP] = np.rint(strip[..., :3] * alpha + behind * (1 - alpha))
    return picture


def _eight_bits(values: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Grey values 0 to 255 of a 16-bit, 32-bit or floating-point picture."""
    grey = np.nan_to_num(values.astype(np.float32))
    if mode == "F" and grey.max(initial=0.0) <= 1.0:
        grey = grey * 255.0
    elif mode.startswith("I") and grey.max(initial=0.0) > 255.0:
        grey = grey / 257.0
    return np.asarray(np.rint(grey.clip(0, 255)), dtype=np.uint8)
