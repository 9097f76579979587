"""How well a picture follows its control map and its prompt, as pure functions of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.training.emphasis import parts_of
from animate.training.portraits import COLOURS
from animate.training.wording import Facts
from pose.anatomy import body_size
from pose.skeleton import INDEX, Floats

Frame = NDArray[np.uint8]  # (H, W, 3) RGB
Region = NDArray[np.bool_]  # (H, W)

EDGE_REACH = 2  # pixels by which an edge may be off
# Where clothes are seen for certain. Of the trunk's polygon the upper part, drawn in towards its
# middle; of the thighs the middle; each by shares of it. MARGIN: torso lengths around the figure
# that are no background, for hair and wide clothes. WALL: share of the height that shows no floor.
TRUNK_DOWN, TRUNK_IN, THIGH, THIGH_THICK, MARGIN, WALL = 0.85, 0.3, (0.25, 0.75), 0.14, 0.25, 0.6
LEAST_REGION = 12  # pixels, of a colour that is judged
# CIE76; of rendered truth 97 % of shirts, 98 % of trousers and all walls pass: the rest is shade.
NEAR_COLOUR = 40.0


def overlap(first: Region, second: Region) -> float:
    """Intersection over union; 1 for two empty ones."""
    union = int((first | second).sum())
    return float((first & second).sum() / union) if union else 1.0


def edge_f1(found: Region, wanted: Region) -> float:
    """Harmonic mean of how many found edges are near wanted ones, and the other way round."""
    precision, recall = _near(found, wanted), _near(wanted, found)
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def rank_correlation(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Spearman's: the correlation of ranks, equal values sharing theirs; 0 for a constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(values.ravel()) for values in (first, second)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def closed(without: float, with_control: float, truth: float) -> float:
    """Which share of the way from no control to the truth control goes; 1 is all of it."""
    way = truth - without
    return (with_control - without) / way if way else float(with_control >= truth)


def colour_distance(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """CIE76 distance of two sRGB colours, 0 to 255."""
    pair = np.array([[first, second]], dtype=np.float32) / 255
    one, other = cv2.cvtColor(pair, cv2.COLOR_RGB2LAB)[0]
    return float(np.linalg.norm(one - other))


def region_colours(picture: Frame, regions: Mapping[str, Region]) -> dict[str, tuple[float, ...]]:
    """The middle sRGB of each region that is large enough to tell."""
    return {
        name: tuple(float(value) for value in np.median(picture[region], axis=0))
        for name, region in regions.items()
        if region.sum() >= LEAST_REGION
    }


def told_colours(facts: Facts) -> dict[str, str]:
    """The colours that a prompt asks for by region; patterned clothes have none to judge."""
    told = {"shirt": facts.shirt, "legs": facts.legs, "background": facts.place}
    return {region: colour for region, colour in told.items() if colour in COLOURS}


def is_colour(found: tuple[float, ...], name: str) -> bool:
    """Whether a colour is nearest to the named one of all that have names, and near it."""
    distances = {other: colour_distance(found, rgb) for other, rgb in COLOURS.items()}
    return min(distances, key=distances.__getitem__) == name and distances[name] <= NEAR_COLOUR


def clothed_regions(points: Floats, size: tuple[int, int]) -> dict[str, Region]:
    """Where shirt, legs and background are for certain, of one person (133, 2) in pixels.

    size: (width, height). Arms and hair in front may cover a part of it.
    """
    torso = float(body_size(points[None, None])[0])
    scores = np.ones(len(points))
    figure = parts_of(points[None], scores[None], size) > 0
    reach = 2 * max(round(MARGIN * torso), 2) + 1
    around = cv2.dilate(figure.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    wall = np.zeros_like(figure)
    wall[: round(WALL * size[1])] = True
    return {
        "shirt": _filled(_trunk(points), size),
        "legs": _thighs(points, torso, size) & figure,
        "background": wall & ~around,
    }


def _near(edges: Region, others: Region) -> float:
    """Share of edges within reach of others; 0 without any."""
    side = 2 * EDGE_REACH + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    reached = cv2.dilate(others.astype(np.uint8), kernel) > 0
    return float(reached[edges].mean()) if edges.any() else 0.0


def _trunk(points: Floats) -> Floats:
    names = ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
    corners = points[[INDEX[name] for name in names]].copy()
    corners[2] = corners[1] + TRUNK_DOWN * (corners[2] - corners[1])
    corners[3] = corners[0] + TRUNK_DOWN * (corners[3] - corners[0])
    middle = corners.mean(axis=0)
    return np.asarray(corners + TRUNK_IN * (middle - corners))


def _filled(corners: Floats, size: tuple[int, int]) -> Region:
    canvas = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(canvas, cv2.convexHull(np.rint(corners).astype(np.int32)), [1])
    return np.asarray(canvas > 0)


def _thighs(points: Floats, torso: float, size: tuple[int, int]) -> Region:
    canvas = np.zeros((size[1], size[0]), np.uint8)
    for side in ("left", "right"):
        hip, knee = points[INDEX[f"{side}_hip"]], points[INDEX[f"{side}_knee"]]
        ends = [np.rint(hip + share * (knee - hip)).astype(int).tolist() for share in THIGH]
        cv2.line(canvas, ends[0], ends[1], [1], max(round(THIGH_THICK * torso), 1))
    return np.asarray(canvas > 0)
