"""Cut a strip of pictures out of a side-by-side video: what README shows.

Usage, after `make demo`:
    python scripts/make_strip.py dance_hero_compare.mp4 samples/strip.webp --every 13
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from pose.video import open_video

PANELS = 3  # driving video, skeleton, result


def main() -> None:
    options = _options()
    frames = list(open_video(options.video, stride=options.every))[: options.count]
    width = (frames[0].shape[1]) // PANELS
    rows = [
        np.concatenate([frame[:, panel * width : (panel + 1) * width] for frame in frames], axis=1)
        for panel in range(PANELS)
    ]
    strip = Image.fromarray(np.concatenate(rows))
    scale = options.width / strip.width
    strip = strip.resize((options.width, round(strip.height * scale)), Image.Resampling.LANCZOS)
    strip.save(options.picture, quality=88, method=6)
    print(f"{options.picture}: {strip.width}x{strip.height}, {len(frames)} frames")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("video", type=Path, nargs="?", default=Path("dance_hero_compare.mp4"))
    parser.add_argument("picture", type=Path, nargs="?", default=Path("samples/strip.webp"))
    parser.add_argument("--every", type=int, default=16, help="take every n-th frame")
    parser.add_argument("--count", type=int, default=7, help="at most so many frames")
    parser.add_argument("--width", type=int, default=980, help="pixels")
    return parser.parse_args()


if __name__ == "__main__":
    main()
