"""How well soft edges find the renderer's true edges, beside plain Sobel and Canny.

    python scripts/bench_softedge.py [--pictures N]

Truth: where a figure ends, where its parts meet, and where one of its surfaces hides another.
Every detector gives ridges one pixel wide, and the one threshold (for Canny: blur and threshold)
that suits it best over all pictures, as in the BSDS benchmark's ODS; a pixel counts as found
within 2 pixels. The last line is JSON: best F-measures and "pass" (0.05 above both others).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.annotators.ridges import across_of, suppress
from animate.annotators.softedge import outlines
from animate.training.synthetic import (
    Rendering,
    photograph,
    random_camera,
    random_character,
    random_motion,
    random_photograph,
    render_clip,
)

SIZE = (256, 384)
REACH = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))  # 2 pixels around
HIDES = 0.04  # metres between two surfaces of a figure, one of which hides the other
MARGIN = 0.05
Map = NDArray[np.float32]
Bits = NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=24)
    random = np.random.default_rng(2024)
    pictures, truth = [], []
    for number in range(parser.parse_args().pictures):
        made = render_clip(
            random_character(random),
            random_motion(random),
            [0.3 * number],
            random_camera(random, *SIZE),
            supersample=2,
        )
        look = random_photograph(random)
        pictures.append(photograph(made.frames, made.parts, look)[0])
        truth.append(true_edges(made))
    found = {
        "soft": best(thinned(outlines(picture) for picture in pictures), truth),
        "sobel": best([sobel(picture) for picture in pictures], truth),
        "canny": max(
            measure([canny(picture, blur, high) for picture in pictures], truth)
            for blur in (0.5, 1.0, 1.5, 2.0)
            for high in (40, 70, 100, 130, 160, 200, 250, 320)
        ),
    }
    for name, (score, precision, recall) in found.items():
        print(f"{name:6} F {score:.3f}  precision {precision:.3f}  recall {recall:.3f}")
    scores = {name: round(values[0], 3) for name, values in found.items()}
    passed = scores["soft"] > max(scores["sobel"], scores["canny"]) + MARGIN
    print(json.dumps({"pictures": len(pictures), **scores, "pass": passed}))


def true_edges(made: Rendering) -> Bits:
    """(H, W) 1 where something ends."""
    parts, depth = made.parts[0].astype(int), np.nan_to_num(made.depth[0], posinf=0.0)
    edges = np.zeros(parts.shape, np.uint8)
    for before, after in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        inside = (parts[before] > 0) & (parts[after] > 0)
        hidden = inside & (np.abs(depth[before] - depth[after]) > HIDES)
        edges[before] |= (parts[before] != parts[after]) | hidden
    return edges


def thinned(strengths: Iterable[Map]) -> list[Map]:
    return [suppress(strength, across_of(strength)) for strength in strengths]


def sobel(picture: Bits) -> Map:
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1).astype("f4")
    x, y = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    size = np.hypot(x, y) + 1e-6
    return suppress(size, (x / size, y / size))


def canny(picture: Bits, blur: float, high: float) -> Bits:
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), blur)
    return np.asarray(cv2.Canny(grey, high / 2, high, L2gradient=True) > 0, np.uint8)


def best(ridges: list[Map], truth: list[Bits]) -> tuple[float, float, float]:
    levels = np.quantile(np.concatenate([r[r > 0] for r in ridges]), np.linspace(0, 0.995, 50))
    return max(
        measure([(ridge >= level).astype(np.uint8) for ridge in ridges], truth) for level in levels
    )


def measure(found: list[Bits], truth: list[Bits]) -> tuple[float, float, float]:
    """F, precision and recall over all pictures."""
    right = total = met = there = 0
    for ridge, edge in zip(found, truth, strict=True):
        right += int((ridge & cv2.dilate(edge, REACH)).sum())
        met += int((edge & cv2.dilate(ridge, REACH)).sum())
        total, there = total + int(ridge.sum()), there + int(edge.sum())
    precision, recall = right / max(total, 1), met / there
    return 2 * precision * recall / max(precision + recall, 1e-9), precision, recall


if __name__ == "__main__":
    main()
