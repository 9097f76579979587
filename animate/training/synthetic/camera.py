"""A pinhole camera that looks along -z, with the picture upright."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .linalg import Array

NOMINAL_HEIGHT = 1.80  # metres from the soles to the hair of the standard figure


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Picture size in pixels and what of the scene it shows.

    `fill` is the part of the picture's height that a standing 1.80 m figure takes: about 0.8
    for a full figure, 1.3 from the knees up, 2 from the waist up. `centre` is the point of the
    figure's plane (x, y in metres) at the middle of the picture, `distance` in metres.
    """

    width: int
    height: int
    fill: float = 0.80
    centre: tuple[float, float] = (0.0, 0.93)
    distance: float = 4.2

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1 or self.fill <= 0 or self.distance <= 0:
            raise ValueError(
                f"camera {self.width}x{self.height}, fill {self.fill}, distance {self.distance}: "
                "all must be positive"
            )

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return self.fill * self.height / NOMINAL_HEIGHT * self.distance

    @property
    def position(self) -> Array:
        """Where the camera stands, (3,) metres."""
        return np.array([self.centre[0], self.centre[1], self.distance])

    def scaled(self, factor: int) -> Camera:
        """The same view with `factor` times as many pixels each way."""
        return Camera(
            width=self.width * factor,
            height=self.height * factor,
            fill=self.fill,
            centre=self.centre,
            distance=self.distance,
        )

    def project(self, points: Array) -> Array:
        """World points (..., 3) to pixels (..., 2): x right, y down, (0, 0) the corner."""
        relative = np.asarray(points, dtype=np.float64) - self.position
        depth = np.maximum(-relative[..., 2], 1e-3)
        x = self.width / 2 + self.focal * relative[..., 0] / depth
        y = self.height / 2 - self.focal * relative[..., 1] / depth
        return np.stack([x, y], -1)

    def unproject(self, pixels: Array, depth: Array | float) -> Array:
        """Pixels (..., 2) at depths (...) along the view to world points (..., 3)."""
        pixels, depth = np.asarray(pixels, dtype=np.float64), np.asarray(depth)
        x = (pixels[..., 0] - self.width / 2) / self.focal * depth
        y = -(pixels[..., 1] - self.height / 2) / self.focal * depth
        z = np.broadcast_to(-depth, x.shape)
        return np.asarray(np.stack([x, y, z], -1) + self.position)
