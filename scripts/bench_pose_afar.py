"""Measure how well somebody far away is tracked, against the same film as large as it is.

python scripts/bench_pose_afar.py                   # the sample dancer
python scripts/bench_pose_afar.py --film DANCE.mp4  # another film of one person

The film is put into a grey picture of 1920x1080 at several heights, still and drifting across, and
tracked as a user would. Errors are of shoulders, elbows and wrists, in heights of the film. The
last line is one JSON object with the figures and "pass".
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from pose import NoPersonError, PoseSequence, open_video, track  # noqa: E402
from pose.crowd import find_focuses  # noqa: E402
from pose.ffmpeg import program  # noqa: E402
from pose.skeleton import LEFT_HAND, RIGHT_HAND, VISIBLE  # noqa: E402

WIDTH, HEIGHT = 1920, 1080
HEIGHTS, SPEEDS = (1080, 720, 540, 360, 200, 130), (0, 150)  # pixels; pixels a second
ARMS, HANDS = slice(5, 11), slice(LEFT_HAND.start, RIGHT_HAND.stop)
GOALS = {"found": 0.98, "median error": 0.02}  # at every height


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--film", type=Path, default=ROOT / "samples" / "dance.mp4")
    film = parser.parse_args().film
    truth, size = track(film), open_video(film).size
    print(f"{'height':>6} {'drift':>6} {'view':>6} {'found':>6} {'median':>7} {'p95':>7} "
          f"{'hands':>6} {'search':>7} {'all':>6}")  # fmt: skip
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for height, speed in product(HEIGHTS, SPEEDS):
            row = _measure(film, Path(folder) / "afar.mp4", truth, size, height, speed)
            rows.append(row)
            print("{height:6d} {drift:6d} {view:>6} {found:6.2f} {median:7.4f} {p95:7.4f} "
                  "{hands:6.2f} {search:6.1f}s {all:5.1f}s".format(**row), flush=True)  # fmt: skip
    passed = all(
        row["found"] >= GOALS["found"] and row["median"] <= GOALS["median error"] for row in rows
    )
    print(json.dumps({"rows": rows, "goals": GOALS, "pass": passed}))


def _measure(
    film: Path, path: Path, truth: PoseSequence, size: tuple[int, int], height: int, speed: int
) -> dict[str, object]:
    """Put the film into the picture, track that, and compare."""
    scale = height / size[1]
    width = round(size[0] * scale / 2) * 2
    left, top = round((WIDTH - width) * 0.1), round((HEIGHT - height) * 0.7)
    stage = f"color=gray:size={WIDTH}x{HEIGHT}:rate={truth.fps}[stage];[0]scale={width}:{height}"
    place = f"[stage][film]overlay=x='{left}+{speed}*t':y={top}:shortest=1:eval=frame"
    subprocess.run(
        [program(), "-v", "error", "-y", "-i", film, "-filter_complex", f"{stage}[film];{place}",
         "-crf", "14", "-pix_fmt", "yuv420p", path],
        check=True,
    )  # fmt: skip
    start = time.perf_counter()
    view = "close" if find_focuses(open_video(path), "largest") else "whole"
    search = time.perf_counter() - start
    try:
        seen = track(path)
    except NoPersonError:
        seen = PoseSequence.empty((WIDTH, HEIGHT), len(truth))
    frames = min(len(seen), len(truth))
    corner = np.stack([left + speed * truth.times, np.full(len(truth), top)], axis=1)[:frames]
    found = np.zeros(frames, bool)
    errors, hands = np.full((frames, 6), np.nan), 0.0
    if seen.people:
        found = (seen.scores[:frames, 0] > 0).any(axis=-1)
        placed = (seen.keypoints[:frames, 0] - corner[:, None]) / scale
        gaps = placed[:, ARMS] - truth.keypoints[:frames, 0, ARMS]
        errors = np.linalg.norm(gaps, axis=-1) / size[1]
        hands = float((seen.scores[:frames, 0, HANDS] > VISIBLE).mean())
    return {
        "height": height, "drift": speed, "view": view, "found": float(found.mean()),
        "median": float(np.nanmedian(errors)) if found.any() else 1.0,
        "p95": float(np.nanpercentile(errors, 95)) if found.any() else 1.0,
        "hands": hands, "search": search, "all": time.perf_counter() - start - search,
    }  # fmt: skip


if __name__ == "__main__":
    main()
