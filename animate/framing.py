"""How large the result is, and how the reference picture fills it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from animate.config import ModelDefaults

if TYPE_CHECKING:
    from pose.skeleton import PoseSequence


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
    """A picture of `source` (width, height) scaled to cover `size`.

    Its middle is kept, or what is nearest to the middle and shows all of `shown` (left, top, right,
    bottom, in source pixels); what does not fit is cut off below and on both sides.
    """

    source: tuple[int, int]
    size: tuple[int, int]
    shown: tuple[float, float, float, float] | None = None

    @property
    def scale(self) -> float:
        """Result pixels per source pixel."""
        return max(self.size[0] / self.source[0], self.size[1] / self.source[1])

    @property
    def offset(self) -> tuple[float, float]:
        """Result position of the source's upper left corner; zero or negative."""
        room = [size - own * self.scale for own, size in zip(self.source, self.size, strict=True)]
        if self.shown is None:
            return room[0] / 2, room[1] / 2
        left, top, right, bottom = (edge * self.scale for edge in self.shown)
        wide, high = right - left > self.size[0], bottom - top > self.size[1]
        across = (self.size[0] - left - right) / 2
        column = across if wide else _between(room[0] / 2, -left, self.size[0] - right)
        row = -top if high else _between(room[1] / 2, -top, self.size[1] - bottom)
        return _between(column, room[0], 0.0), _between(row, room[1], 0.0)

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


def frame_body(
    picture: NDArray[np.uint8], body: PoseSequence | None, size: tuple[int, int]
) -> Framing:
    """How a picture (H, W, 3) fills a result: if it is cut, then beside who is seen in it."""
    from pose.bones import extent

    shown = extent(body.frame(0), picture.shape[:2]) if body is not None and len(body) else None
    return Framing((picture.shape[1], picture.shape[0]), size, shown)


def _between(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)
