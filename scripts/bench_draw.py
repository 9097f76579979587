"""Time the drawing of a frame at 576x1024, beside the official way of drawing the same picture.

python scripts/bench_draw.py            # table, then one JSON object as the last line

The official way, rebuilt here from its description: a canvas with a short side of 2160 pixels is
cleared, drawn on, multiplied by 0.6 as floats, and reduced as a whole, whatever the figure covers.
"""

from __future__ import annotations

import argparse
import colorsys
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SIZE = (576, 1024)
GOAL = 8.0  # times faster than the official way
COLOURS = [
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0),
    (0, 255, 0), (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255),
    (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
]  # fmt: skip
LIMBS = [
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10),
    (1, 11), (11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
]  # fmt: skip
FINGERS = [(0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, 21)]
HANDS = (92, 113)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=24, help="frames of the sample to draw")
    parser.add_argument("--rounds", type=int, default=3, help="times each frame is drawn")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))  # the project need not be installed
    from pose.draw import LOOKS, draw

    keypoints, scores = _poses(options.frames)
    ways: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {"the official way": official}
    for look in LOOKS:
        ways[look] = lambda points, values, look=look: draw(points, values, SIZE, look)
    times: dict[str, list[float]] = {name: [] for name in ways}
    same = True
    for points, values in list(zip(keypoints, scores, strict=True)) * options.rounds:
        pictures = {}
        for name, way in ways.items():  # side by side, so that a busy machine is fair to all
            start = time.perf_counter()
            pictures[name] = way(points, values)
            times[name].append((time.perf_counter() - start) * 1000)
        same &= np.array_equal(pictures["the official way"], pictures["official"])
    _report({name: statistics.median(took) for name, took in times.items()}, same)


def _report(medians: dict[str, float], same: bool) -> None:
    slow = medians["the official way"]
    print(f"{'look at 576x1024':<20}{'ms':>8}{'times faster':>14}")
    for name, took in medians.items():
        print(f"{name:<20}{took:>8.2f}{slow / took:>14.1f}")
    ratio = round(slow / medians["official"], 1)
    figures = {"ms": {name: round(took, 2) for name, took in medians.items()}, "ratio": ratio}
    print(json.dumps({**figures, "same_picture": same, "pass": same and ratio >= GOAL}))


def _poses(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Poses spread over the sample clip, in OpenPose's order, in pixels of SIZE."""
    from pose import insert_neck, track

    clip = track(ROOT / "samples" / "dance.mp4")
    chosen = np.linspace(0, len(clip) - 1, min(frames, len(clip))).astype(int)
    keypoints, scores = insert_neck(clip.keypoints[chosen], clip.scores[chosen])
    scale = min(SIZE[0] / clip.size[0], SIZE[1] / clip.size[1])
    return np.nan_to_num(keypoints * scale), scores


def official(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """One frame as the official code draws it: (H, W, 3) RGB."""
    scale = 2160 / min(SIZE)
    width, height = int(SIZE[0] * scale), int(SIZE[1] * scale)
    canvas = np.zeros((height, width, 3), np.uint8)
    where = keypoints / SIZE * (width, height)
    _limbs(canvas, where, scores)
    canvas = (canvas * 0.6).astype(np.uint8)
    for joint, colour in enumerate(COLOURS):
        for points, values in zip(where, scores, strict=True):
            if values[joint] > 0.3:
                _dot(canvas, points[joint], 4, [int(c * values[joint]) for c in colour])
    for start in HANDS:
        for points, values in zip(where, scores, strict=True):
            _hand(canvas, points[start : start + 21].astype(int), values[start : start + 21])
    for points, values in zip(where, scores, strict=True):
        for point, value in zip(points[24:92], values[24:92], strict=True):
            if (point.astype(int) > 0).all():
                _dot(canvas, point, 3, [int(value * 255)] * 3)
    return cv2.cvtColor(cv2.resize(canvas, SIZE), cv2.COLOR_BGR2RGB)


def _dot(canvas: np.ndarray, point: np.ndarray, radius: int, colour: list[int]) -> None:
    cv2.circle(canvas, (int(point[0]), int(point[1])), radius, colour, thickness=-1)


def _limbs(canvas: np.ndarray, where: np.ndarray, scores: np.ndarray) -> None:
    for (a, b), colour in zip(LIMBS, COLOURS, strict=False):
        for points, values in zip(where, scores, strict=True):
            if min(values[a], values[b]) <= 0.3:
                continue
            (x0, y0), (x1, y1) = points[a], points[b]
            axes = (int(((x0 - x1) ** 2 + (y0 - y1) ** 2) ** 0.5 / 2), 4)
            angle = int(math.degrees(math.atan2(y0 - y1, x0 - x1)))
            centre = (int((x0 + x1) / 2), int((y0 + y1) / 2))
            outline = cv2.ellipse2Poly(centre, axes, angle, 0, 360, 1)
            weak = [int(channel * (values[a] * values[b])) for channel in colour]
            cv2.fillConvexPoly(canvas, outline, weak)


def _hand(canvas: np.ndarray, points: np.ndarray, scores: np.ndarray) -> None:
    for index, (a, b) in enumerate(FINGERS):
        if (points[[a, b]] > 0).all():
            hue = np.array(colorsys.hsv_to_rgb(index / len(FINGERS), 1.0, 1.0))
            colour = hue * int(scores[a] * scores[b] * 255)
            ends = [(int(x), int(y)) for x, y in points[[a, b]]]
            cv2.line(canvas, *ends, colour.tolist(), thickness=2)
    for point, score in zip(points, scores, strict=True):
        if (point > 0).all():
            _dot(canvas, point, 4, [0, 0, int(score * 255)])


if __name__ == "__main__":
    main()
