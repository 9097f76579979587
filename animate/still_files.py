"""Writing still pictures, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animate.errors import OutputError
from animate.files import check_output, partial_path

Frame = NDArray[np.uint8]  # (H, W, 3) RGB
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
QUALITY = 95  # of what is written with losses; Pillow's own 75 shows blocks around edges


def numbered(path: Path, count: int) -> list[Path]:
    """The files of several pictures: out.png, or out_0.png, out_1.png ..."""
    if count == 1:
        return [path]
    return [path.with_name(f"{path.stem}_{number}{path.suffix}") for number in range(count)]


def write_picture(path: Path, picture: Frame, *, overwrite: bool = True) -> None:
    """Write a picture (H, W, 3) that appears when it is whole. Raises UsageError, OutputError."""
    from PIL import Image

    check_output(path, overwrite=overwrite, suffixes=PICTURES)
    partial = partial_path(path)
    try:
        Image.fromarray(picture).save(partial, quality=QUALITY)
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
