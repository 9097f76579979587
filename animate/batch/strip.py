"""A few frames of a video side by side, for the report."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from pose.errors import PoseError

FRAMES, HEIGHT, QUALITY = 6, 96, 80  # pictures, pixels, JPEG's own scale


def strip_of(path: Path) -> bytes | None:
    """A JPEG of frames spread over the video; None for one that cannot be read back."""
    from PIL import Image

    from pose.video import open_video

    try:
        clip = open_video(path)
        wanted = set(np.linspace(0, len(clip) - 1, min(FRAMES, len(clip))).round().astype(int))
        pictures = [frame.copy() for number, frame in enumerate(clip) if number in wanted]
    except PoseError:
        return None
    width = max(1, round(clip.size[0] * HEIGHT / clip.size[1]))
    strip = Image.new("RGB", (width * len(pictures), HEIGHT))
    for number, picture in enumerate(pictures):
        strip.paste(Image.fromarray(picture).resize((width, HEIGHT)), (number * width, 0))
    file = io.BytesIO()
    strip.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
