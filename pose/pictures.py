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


def load_image(
    path: str | os.PathLike[str], background: tuple[int, int, int] = WHITE
) -> NDArray[np.uint8]:
    """Read a picture as it is meant to be seen: (H, W, 3) uint8 RGB.

    The camera's rotation (EXIF) is applied; grey, palette, CMYK and 16-bit pictures are
    converted; what is transparent shows `background` (RGB, 0 to 255). Of an animation
    the first frame is taken. Raises VideoError if the file is missing, damaged or no picture.
    """
    from PIL import Image, ImageOps

    path = Path(path)
    missing = explain_missing(path)
    if missing:
        raise VideoError(missing)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata, and size limits that raise below
            with Image.open(path) as picture:
                picture.load()
                upright = ImageOps.exif_transpose(picture)
    except Image.DecompressionBombError as error:
        raise VideoError(f"{path} has too many pixels to be read safely; scale it down") from error
    except Exception as error:  # Pillow's decoders raise whatever their format makes them
        raise VideoError(explain_picture(path)) from error
    return _flatten(upright, background)


def _flatten(picture: Image.Image, background: tuple[int, int, int]) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of a Pillow picture of any mode."""
    if picture.mode.startswith("I") or picture.mode == "F":
        grey = _eight_bits(np.asarray(picture), picture.mode)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.has_transparency_data:
        rgba = np.asarray(picture.convert("RGBA"), dtype=np.float64)
        alpha = rgba[..., 3:] / 255.0
        mixed = rgba[..., :3] * alpha + np.array(background, dtype=np.float64) * (1 - alpha)
        return np.asarray(np.rint(mixed), dtype=np.uint8)
    return np.array(picture.convert("RGB"), dtype=np.uint8)


def _eight_bits(values: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Grey values 0 to 255 of a 16-bit, 32-bit or floating-point picture."""
    grey = np.nan_to_num(values.astype(np.float64))
    if mode == "F" and grey.max(initial=0.0) <= 1.0:
        grey = grey * 255.0
    elif mode.startswith("I") and grey.max(initial=0.0) > 255.0:
        grey = grey / 257.0
    return np.asarray(np.rint(grey.clip(0, 255)), dtype=np.uint8)
