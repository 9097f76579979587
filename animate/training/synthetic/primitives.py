"""Rounded cones and ellipsoids, fixed to frames of the skeleton, and their place in the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .frames import FRAMES, Skeleton
from .linalg import Array, apply, basis

# Smooth-union radius in metres of each group; groups meet with a crisp edge.
BLEND = {
    "top": 0.060,
    "bottom": 0.030,
    "armL": 0.020,
    "armR": 0.020,
    "handL": 0.0065,
    "handR": 0.0065,
    "head": 0.024,
    "hair": 0.030,
    "shoeL": 0.025,
    "shoeR": 0.025,
    "neck": 0.030,
    "hat": 0.012,
    "extra": 0.008,
}
GROUPS = {name: i for i, name in enumerate(BLEND)}
MATERIALS = {
    name: i
    for i, name in enumerate(
        (
            "skin", "face", "hand", "top", "sleeve", "bottom", "leg", "shoe",
            "sole", "hair", "hat", "belt", "neck", "extra", "trim",
        )
    )
}  # fmt: skip
BACKGROUND, BODY, HAND, HEAD = range(4)
PART_OF_GROUP = np.array(
    [
        HAND if name.startswith("hand") else HEAD if name in ("head", "hair", "hat") else BODY
        for name in GROUPS
    ],
    dtype=np.uint8,
)


@dataclass(frozen=True)
class Shapes:
    """P primitives. Each is a rounded cone from the origin of its own axes along y.

    `warp` (P, 3, 3) takes frame coordinates (local) or world coordinates (placed) to the space
    in which the cone is round; `start`, `end` (P, 3); `reach` bounds the radius.
    """

    frame: Array  # (P,) index into FRAMES
    body: Array  # (P,) which body of the batch
    group: Array
    material: Array
    start: Array
    end: Array
    warp: Array
    length: Array
    radius0: Array
    radius1: Array
    reach: Array


class Sculptor:
    """Collects primitives in frame coordinates; `mirror` adds both sides at once."""

    def __init__(self, girth: float = 1.0) -> None:
        self.girth = girth
        self._rows: list[tuple[Any, ...]] = []

    def cone(
        self,
        frame: str,
        start: Sequence[float],
        end: Sequence[float],
        radii: tuple[float, float],
        group: str,
        material: str,
        *,
        wide: float = 1.0,
        deep: float = 1.0,
    ) -> None:
        """A rounded cone; its section is stretched by `wide` along x and `deep` along z."""
        ids = FRAMES[frame], GROUPS[group], MATERIALS[material]
        reach = max(radii) * max(wide, deep, 1.0)
        self._rows.append((*ids, start, end, (wide, 1.0, deep), *radii, reach))

    def ellipsoid(
        self,
        frame: str,
        centre: Sequence[float],
        radii: Sequence[float],
        group: str,
        material: str,
    ) -> None:
        """An ellipsoid; its radii are along the frame's axes."""
        ids, largest = (FRAMES[frame], GROUPS[group], MATERIALS[material]), max(radii)
        stretch = tuple(radius / largest for radius in radii)
        self._rows.append((*ids, centre, centre, stretch, largest, largest, largest))

    def finish(self) -> Shapes:
        """The collected primitives in frame coordinates."""
        columns = [np.array(column) for column in zip(*self._rows, strict=True)]
        frame, group, material, start, end, stretch, radius0, radius1, reach = columns
        along = end - start
        length = np.sqrt((along * along).sum(-1))
        return Shapes(
            frame=frame,
            body=np.zeros_like(frame),
            group=group,
            material=material,
            start=start,
            end=end,
            warp=np.swapaxes(_axes(along, length), -1, -2) / stretch[..., None],
            length=length,
            radius0=radius0,
            radius1=radius1,
            reach=reach,
        )


def _axes(along: Array, length: Array) -> Array:
    """Axes (P, 3, 3) in columns, y along each cone; those of the frame for a ball."""
    y = along / np.maximum(length, 1e-9)[:, None]
    x_like = np.where(np.abs(y[:, :1]) < 0.9, [1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    axes = basis(y, np.cross(x_like, y))
    return np.where((length > 1e-9)[:, None, None], axes, np.eye(3))


def place(tables: Sequence[Shapes], skeleton: Skeleton) -> Shapes:
    """Primitives of N bodies in world coordinates, concatenated; `tables` has N entries."""
    counts = [len(table.frame) for table in tables]
    joined = {
        f.name: np.concatenate([getattr(table, f.name) for table in tables]) for f in fields(Shapes)
    }
    body = np.repeat(np.arange(len(tables)), counts)
    origin, axes = skeleton.origin[body, joined["frame"]], skeleton.axes[body, joined["frame"]]
    scale = skeleton.build["height"][body]
    for name in ("start", "end"):
        joined[name] = origin + apply(axes, joined[name] * scale[:, None])
    joined["warp"] = joined["warp"] @ np.swapaxes(axes, -1, -2)
    for name in ("length", "radius0", "radius1", "reach"):
        joined[name] = joined[name] * scale
    return Shapes(**{**joined, "body": body})
