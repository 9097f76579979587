"""Rendered pictures with their truth, and maps of every kind made of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from animate.annotators import KINDS, MapSettings, open_annotator
from animate.annotators.palette import palette
from animate.training.synthetic import (
    Rendering,
    photograph,
    random_camera,
    random_character,
    random_motion,
    random_photograph,
    render_clip,
)
from pose import draw

Frame = NDArray[np.uint8]
SIZE = (256, 384)
COUNT = 3


@pytest.fixture(scope="session")
def renderings() -> list[Rendering]:
    random = np.random.default_rng(11)
    return [
        render_clip(
            random_character(random),
            random_motion(random),
            [0.7 + 0.3 * number],
            random_camera(random, *SIZE),
        )
        for number in range(COUNT)
    ]


@pytest.fixture(scope="session")
def photographs(renderings: list[Rendering]) -> list[Frame]:
    random = np.random.default_rng(12)
    return [photograph(r.frames, r.parts, random_photograph(random))[0] for r in renderings]


@pytest.fixture(scope="session")
def maps(renderings: list[Rendering], photographs: list[Frame]) -> dict[str, list[Frame]]:
    """Maps by kind: the renderer's truth where it has one, else made by the annotators."""
    made: dict[str, list[Frame]] = {kind: [] for kind in KINDS}
    for truth in renderings:
        made["depth"].append(near_is_white(truth.depth[0]))
        made["mask"].append(grey(truth.masks[0] * 255))
        made["segmentation"].append(palette()[truth.parts[0] * 7 + 12])
        made["pose"].append(draw(truth.keypoints, truth.scores, SIZE, look="openpose"))
    for kind, settings in drawn():
        with open_annotator(kind, settings=settings) as annotate:
            made[kind] += [annotate(picture) for picture in photographs]
    return made


def drawn() -> Iterator[tuple[str, MapSettings]]:
    yield "canny", MapSettings()
    yield "lines", MapSettings()
    yield "softedge", MapSettings(thin=False)


def near_is_white(depth: NDArray[np.float32]) -> Frame:
    """Of a figure before a floor that comes nearer."""
    floor = np.linspace(0.1, 0.2, len(depth))[:, None]
    near = np.maximum(1 / depth, floor)
    return grey((near - near.min()) / np.ptp(near) * 255)


def grey(values: NDArray[np.generic]) -> Frame:
    """(H, W, 3) of (H, W) in [0, 255]."""
    return np.repeat(values.astype(np.uint8)[..., None], 3, axis=2)
