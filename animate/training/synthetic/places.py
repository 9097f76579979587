"""Busy backdrops on the wall behind the figure: bricks, tiles, shelves, leaves, streets, clutter.

Each takes a generator, the wall (H, W, 3) in linear light, the wall's coordinates x and y (H, W) in
metres and three linear colours, and gives the painted wall.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from .linalg import Array

Colours = tuple[Array, Array, Array]
EDGE = 0.012  # metres over which the outlines of painted things are soft


def _box(x: Array, y: Array, centre: Array, half: Array) -> Array:
    """Coverage (H, W) of a rectangle, 0 to 1."""
    inside = np.minimum(half[0] - np.abs(x - centre[0]), half[1] - np.abs(y - centre[1]))
    return np.asarray(np.clip(0.5 + inside / EDGE, 0, 1))


def _lay(image: Array, weight: Array, colour: Array) -> None:
    image += (colour - image) * weight[..., None]


def _hash(row: Array, column: Array, seed: float) -> Array:
    """A number in 0-1 for each cell of a grid."""
    value = np.sin(row * 127.1 + column * 311.7 + seed) * 43758.5453
    return np.asarray(value - np.floor(value))


def _courses(
    rng: np.random.Generator, image: Array, x: Array, y: Array, colours: Colours, shape: Array,
    shift: float,
) -> Array:  # fmt: skip
    """Rows of equal cells with joints between them, each cell of its own shade."""
    row = np.floor(y / shape[1])
    along = x / shape[0] + shift * np.mod(row, 2)
    column = np.floor(along)
    u, v = np.abs(along - column - 0.5) * shape[0], np.abs(y / shape[1] - row - 0.5) * shape[1]
    joint = np.clip(np.maximum(u - shape[0] / 2, v - shape[1] / 2) / EDGE + 1.2, 0, 1)
    shade = _hash(row, column, float(rng.uniform(0, 100)))[..., None]
    image = image * (0.7 + 0.6 * shade)
    if rng.random() < 0.4:  # some cells of the second colour
        chosen = _hash(column, row, float(rng.uniform(0, 100))) < rng.uniform(0.1, 0.5)
        image = np.where(chosen[..., None], colours[1] * (0.8 + 0.4 * shade), image)
    _lay(image, joint * rng.uniform(0.4, 0.9), colours[2])
    return image


def _bricks(rng: np.random.Generator, image: Array, x: Array, y: Array, c: Colours) -> Array:
    return _courses(rng, image, x, y, c, np.array([0.26, 0.09]) * rng.uniform(0.8, 1.6), 0.5)


def _tiles(rng: np.random.Generator, image: Array, x: Array, y: Array, c: Colours) -> Array:
    size = rng.uniform(0.15, 0.5)
    return _courses(rng, image, x, y, c, np.array([size, size]), 0.0)


def _shelves(rng: np.random.Generator, image: Array, x: Array, y: Array, c: Colours) -> Array:
    """Boards full of books and boxes."""
    image *= 0.6
    step = rng.uniform(0.3, 0.5)
    for level in np.arange(0.25, 2.7, step):
        _lay(image, _box(x, y, np.array([0.0, level]), np.array([3.0, 0.02])), c[2])
        at = -1.9
        while at < 1.9:
            wide, high = rng.uniform(0.02, 0.12), rng.uniform(0.4, 0.9) * step
            if rng.random() < 0.85:
                place = np.array([at + wide, level + high / 2])
                colour = c[int(rng.integers(3))] * rng.uniform(0.3, 1.5, 3)
                _lay(image, _box(x, y, place, np.array([wide * 0.92, high / 2])), colour)
            at += 2 * wide
    return image


def _leaves(rng: np.random.Generator, image: Array, x: Array, y: Array, c: Colours) -> Array:
    """Foliage: leaves of greens over each other, lighter towards the top."""
    green = np.array([0.06, 0.22, 0.04]) * rng.uniform(0.5, 2.0)
    image = image * 0.3 + green * 0.3
    height, width = x.shape
    for size in (3, 5, 9, 16):
        cells = rng.random((height // size + 2, width // size + 2)).astype(np.float32)
        mask = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
        tone = green * rng.uniform(0.5, 1.9) + c[1] * rng.uniform(0, 0.12)
        _lay(image, np.clip((mask - 0.55) * 9, 0, 1), tone)
    return np.asarray(image * (0.7 + 0.25 * np.clip(y, 0, 2.4))[..., None])


def _street(rng: np.random.Generator, image: Array, x: Array, y: Array, c: Colours) -> Array:
    """House fronts with windows under a sky."""
    sky = np.array([0.35, 0.55, 0.85]) * rng.uniform(0.5, 1.2)
    image[:] = sky * (1.15 - 0.15 * y[..., None])
    at = -2.4
    while at < 2.4:
        wide, high = rng.uniform(0.3, 0.8), rng.uniform(1.2, 3.2)
        wall = c[int(rng.integers(3))] * rng.uniform(0.4, 1.3)
        body = _box(x, y, np.array([at + wide, high / 2]), np.array([wide, high / 2]))
        _lay(image, body, wall)
        panes = np.array([rng.uniform(0.16, 0.3), rng.uniform(0.22, 0.4)])
        u, v = np.mod(x - at, panes[0]) - panes[0] / 2, np.mod(y, panes[1]) - panes[1] / 2
        window = _box(u, v, np.zeros(2), panes * 0.3)
        _lay(image, body * window, sky * rng.uniform(0.1, 0.9))
        at += 2 * wide
    return image


def _clutter(rng: np.random.Generator, image: Array, x: Array, y: Array, c: Colours) -> Array:
    """Boxes, frames and lamps in any colour."""
    for _ in range(int(rng.integers(15, 45))):
        centre = np.array([rng.uniform(-1.9, 1.9), rng.uniform(0.0, 2.6)])
        half = rng.uniform(0.04, 0.4, 2)
        colour = rng.random(3) ** 2.2 if rng.random() < 0.5 else c[int(rng.integers(3))]
        if rng.random() < 0.3:
            inside = half[0] - np.hypot(x - centre[0], y - centre[1])
            weight = np.clip(0.5 + inside / EDGE, 0, 1)
        else:
            weight = _box(x, y, centre, half)
        _lay(image, weight, colour * rng.uniform(0.4, 1.2))
        if rng.random() < 0.4:
            _lay(image, _box(x, y, centre, half * 0.75), rng.random(3) ** 2.2)
    return image


BUSY: dict[str, Callable[[np.random.Generator, Array, Array, Array, Colours], Array]] = {
    "bricks": _bricks,
    "tiles": _tiles,
    "shelves": _shelves,
    "leaves": _leaves,
    "street": _street,
    "clutter": _clutter,
}
