"""How well a picture model follows maps and prompts it never saw, against the exact truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animate.annotators.registry import open_annotator
from animate.still_models import StillModel
from animate.stills import control_image
from animate.training.adherence import (
    closed,
    clothed_regions,
    edge_f1,
    is_colour,
    overlap,
    rank_correlation,
    region_colours,
    told_colours,
)
from animate.training.depth_reader import DepthReader, read_depth
from animate.training.emphasis import parts_of
from animate.training.portraits import POSES, Portraits, render_portraits
from animate.training.truth_maps import truth_map
from pose.detect import detect
from pose.errors import NoPersonError
from pose.skeleton import Floats

Frame = NDArray[np.uint8]  # (H, W, 3) RGB
Case = tuple[Portraits, int]  # one portrait of a stack

HELD_OUT_SEED = 9_000_000  # far from every training seed
A_SHEET = 4  # cases of one size
NOISE_SEED = 5
DEPTH_STEPS = 5  # finer differences are the judge's noise, which would rank an even wall
MEASURES = {
    "pose": ("pose_silhouette", "pose_limbs"),
    "canny": ("canny_edges",),
    "depth": ("depth_ranks",),
    "mask": ("mask_overlap",),
}


class Judge:
    """Reads maps off pictures and compares them with what they should be."""

    def __init__(self, reader: DepthReader) -> None:
        self.reader = reader
        self.person, self.edges = open_annotator("mask"), open_annotator("canny")

    def figures(self, kind: str, picture: Frame, case: Case) -> list[float]:
        """How well a picture follows a kind of map, in the order of ``MEASURES``; 1 is best."""
        portraits, index = case
        if kind == "canny":
            given = truth_map(kind, portraits, index)[..., 0] > 0
            return [edge_f1(self.edges(picture)[..., 0] > 0, given)]
        if kind == "depth":
            grey = truth_map(kind, portraits, index)[..., 0] / 255
            read = read_depth(self.reader, picture)
            return [rank_correlation(*(np.rint(depth * DEPTH_STEPS) for depth in (read, grey)))]
        seen = self.person(picture)[..., 0] > 127
        silhouette = overlap(seen, portraits.parts[index] > 0)
        if kind == "mask":
            return [silhouette]
        return [silhouette, limbs(picture, portraits.keypoints[index].astype(np.float64))]


def limbs(picture: Frame, points: Floats) -> float:
    """Overlap of the limbs a tracker sees with those of (133, 2), as thick as limbs are."""
    size = (picture.shape[1], picture.shape[0])
    wanted = parts_of(points[None], np.ones((1, len(points))), size) > 0
    try:
        found = detect(picture).frame(0)
    except NoPersonError:
        return 0.0
    return overlap(parts_of(found[0][:1], found[1][:1], size) > 0, wanted)


def held_out(count: int, **settings: Any) -> list[Case]:
    """Portraits that no model was trained on, each of another character, a few of each size.

    settings: of the rendering, such as another skin for the same characters.
    """
    cases: list[Case] = []
    while len(cases) < count:
        portraits = render_portraits(HELD_OUT_SEED + len(cases), POSES * A_SHEET, **settings)
        cases += [(portraits, index) for index in range(0, len(portraits), POSES)]
    return cases[:count]


def picture_of(model: StillModel, kind: str, case: Case, **settings: Any) -> Frame:
    """What the user's call makes of a portrait's map and prompt."""
    portraits, index = case
    made = control_image(
        truth_map(kind, portraits, index),
        kind=kind,
        prompt=portraits.facts[index].prompt(),
        annotate=False,
        seed=NOISE_SEED,
        loaded=model,
        **settings,
    )
    return made.images[0]


def control_figures(
    judge: Judge,
    cases: Sequence[Case],
    off: Sequence[Frame],
    made: Mapping[str, Sequence[Frame]],
    truths: Sequence[Case] | None = None,
) -> dict[str, float]:
    """Means by measure, with control, without and of the truth, and the share that was closed.

    off: pictures without control; made: with control, by kind. truths: what the pictures should
    be, if not the cases themselves.
    """
    found: dict[str, float] = {}
    truth = [portraits.frames[index] for portraits, index in truths or cases]
    for kind, pictures in made.items():
        on, without, best = (
            np.mean([judge.figures(kind, *pair) for pair in zip(shown, cases, strict=True)], axis=0)
            for shown in (pictures, off, truth)
        )
        for place, name in enumerate(MEASURES[kind]):
            values = float(on[place]), float(without[place]), float(best[place])
            found |= {name: values[0], f"{name}_off": values[1], f"{name}_truth": values[2]}
            found[f"{name}_closed"] = closed(values[1], values[0], values[2])
    return found


def colour_figures(cases: Sequence[Case], pictures: Iterable[Sequence[Frame]]) -> dict[str, float]:
    """Shares of pictures in which shirt, legs and background have the colour that was asked for."""
    right: dict[str, list[bool]] = {}
    for shown in pictures:
        for picture, (portraits, index) in zip(shown, cases, strict=True):
            points = portraits.keypoints[index].astype(np.float64)
            regions = clothed_regions(points, portraits.size)
            told = told_colours(portraits.facts[index])
            for region, colour in region_colours(picture, regions).items():
                if region in told:
                    right.setdefault(region, []).append(is_colour(colour, told[region]))
    return {region: float(np.mean(found)) for region, found in right.items()}
