"""Does the character keep its looks? Colours and texture against the reference; pure."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.judge.regions import PARTS

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Frame = NDArray[np.uint8]

LEAST_PIXELS = 8  # of a part that a picture must show to know its colour
# Cells of the histogram in CIELAB: lightness apart, as light changes while cloth does not.
BINS = (4, 12, 12)
RANGES = ((0.0, 100.0), (-60.0, 60.0), (-60.0, 60.0))


@dataclass(frozen=True, eq=False)
class Appearance:
    """How a figure looks in one picture, or in many on average.

    colours (P, 3): CIELAB of each of PARTS, NaN where it is not shown. histogram: shares of the
    silhouette's colours. texture: mean strength of fine detail in grey levels.
    """

    colours: Floats
    histogram: Floats
    texture: float


@dataclass(frozen=True, kw_only=True)
class IdentityFigures:
    """A result's figure beside the reference's; None where nothing could be compared.

    colour: mean difference of the parts' colours in CIELAB (2.3 is just noticeable). parts: the
    same for each part. overlap: common share of the colour histograms. texture: fine detail, 1 is
    the reference's, less is softer. clip, face: cosine of the embeddings, where weights are.
    """

    colour: float | None
    parts: dict[str, float]
    overlap: float | None
    texture: float | None
    clip: float | None = None
    face: float | None = None


def to_lab(picture: Frame) -> Floats:
    """(H, W, 3) uint8 RGB -> CIELAB, lightness 0 to 100."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.asarray(lab, dtype=np.float64)


def look_at(picture: Frame, labels: NDArray[np.uint8], silhouette: Flags) -> Appearance:
    """The appearance of the figure in (H, W, 3), whose parts are `labels` (H, W)."""
    lab = to_lab(picture)
    colours = np.full((len(PARTS), 3), np.nan)
    for part in range(len(PARTS)):
        pixels = lab[labels == part + 1]
        if len(pixels) >= LEAST_PIXELS:
            colours[part] = np.median(pixels, axis=0)
    counts, _ = np.histogramdd(_inside(lab[silhouette]), bins=BINS, range=RANGES)
    detail = np.abs(lab[..., 0] - cv2.GaussianBlur(lab[..., 0], (0, 0), 1.0))
    return Appearance(
        colours=colours,
        histogram=counts / max(counts.sum(), 1.0),
        texture=float(detail[silhouette].mean()) if silhouette.any() else 0.0,
    )


def typical(appearances: list[Appearance]) -> Appearance:
    """The appearance over many pictures: medians of colours, means of the others."""
    if not appearances:
        return Appearance(np.full((len(PARTS), 3), np.nan), np.zeros(BINS), 0.0)
    colours = np.stack([one.colours for one in appearances])
    known = np.isfinite(colours).all(axis=-1).any(axis=0)
    middle = np.full(colours.shape[1:], np.nan)
    middle[known] = np.nanmedian(colours[:, known], axis=0)
    textures = [one.texture for one in appearances if one.texture > 0]
    return Appearance(
        colours=middle,
        histogram=np.mean([one.histogram for one in appearances], axis=0),
        texture=float(np.mean(textures)) if textures else 0.0,
    )


def compare_looks(result: Appearance, reference: Appearance) -> IdentityFigures:
    """Compare two appearances; only parts that both show count."""
    apart = np.linalg.norm(result.colours - reference.colours, axis=-1)
    parts = {name: float(gap) for name, gap in zip(PARTS, apart, strict=True) if np.isfinite(gap)}
    both = result.histogram.any() and reference.histogram.any()
    return IdentityFigures(
        colour=float(np.mean(list(parts.values()))) if parts else None,
        parts=parts,
        overlap=float(np.minimum(result.histogram, reference.histogram).sum()) if both else None,
        texture=result.texture / reference.texture if both and reference.texture > 0 else None,
    )


def _inside(pixels: Floats) -> Floats:
    """Colours beyond the histogram's ranges count to its outer cells."""
    low, high = np.array(RANGES).T
    return pixels.clip(low, high)
