"""How large the result is, and how the reference picture fills it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animate.config import ModelDefaults


def choose_size(
    reference: tuple[int, int],
    defaults: ModelDefaults,
    multiple: int,
    asked: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """(width, height) of the result in multiples of `multiple`.

    What was asked for, rounded; else the model's short side at the reference's aspect ratio.
    """
    if asked is None:
        scale = defaults.short_side / min(reference)
        asked = (
            min(round(reference[0] * scale), defaults.long_side),
            min(round(reference[1] * scale), defaults.long_side),
        )
    return round_to(asked[0], multiple), round_to(asked[1], multiple)


def round_to(value: float, multiple: int) -> int:
    """The nearest positive multiple."""
    return max(multiple, int(value / multiple + 0.5) * multiple)


@dataclass(frozen=True)
class Framing:
    """A picture of `source` (width, height) scaled to cover `size`, its middle kept."""

    source: tuple[int, int]
    size: tuple[int, int]

    @property
    def scale(self) -> float:
        """Result pixels per source pixel."""
        return max(self.size[0] / self.source[0], self.size[1] / self.source[1])

    @property
    def offset(self) -> tuple[float, float]:
        """Result position of the source's upper left corner; zero or negative."""
        return (
            (self.size[0] - self.source[0] * self.scale) / 2,
            (self.size[1] - self.source[1] * self.scale) / 2,
        )

    def points(self, keypoints: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions (..., 2) in source pixels -> positions in result pixels."""
        placed: NDArray[np.float64] = keypoints * self.scale + np.array(self.offset)
        return placed

    def picture(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A source picture (H, W, 3) -> the result's (height, width, 3)."""
        from PIL import Image

        left, top = (-side / self.scale for side in self.offset)
        right, bottom = (
            start + n / self.scale for start, n in zip((left, top), self.size, strict=True)
        )
        box = (
            max(left, 0.0),
            max(top, 0.0),
            min(right, self.source[0]),
            min(bottom, self.source[1]),
        )
        resized = Image.fromarray(image).resize(self.size, Image.Resampling.LANCZOS, box=box)
        return np.asarray(resized)
