"""Whether a picture is a control map already, by what maps of its kind look like.

A photograph is never mistaken for a map by these rules on the pictures that they were measured on
(tests/animate/annotators/test_looks.py): photographs, films, renderings, their grey and darkened
versions. Maps of one kind may pass as another where both look the same: straight edges, for one.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.annotators.kinds import Kind, kind_of
from animate.annotators.palette import palette

Frame = NDArray[np.uint8]  # (H, W, 3) RGB
Grey = NDArray[np.uint8]  # (H, W)

SIDE = 512  # pixels of the short side that is looked at, at most
GREY = 8  # levels between the channels of a grey pixel: what JPEG and H.264 leave at most
COLOUR = 24  # levels between the channels of a coloured pixel, or between two things, at least
LEAST_GREY = 0.995  # of the pixels of a grey map
DARK, BRIGHT = 48, 207  # of 255: black and white with what compression does to them
LEAST_TWO, LEAST_FLAT_TWO = 0.9, 0.98  # of all pixels of two tones, or of those within areas
MOST_STROKES = 0.4  # of the pixels of a map of thin strokes
STROKE = 9  # pixels that no stroke is wide, JPEG and scaling included
LEFT_OF_STROKES = 0.1  # of what is bright, after everything narrower than STROKE is gone
LEFT_OF_AREAS = 0.75  # the same of masks
LEAST_AREA = 0.002  # of the pixels that a mask must show
STRAIGHT, SHORTEST = 0.6, 0.02  # of the bright pixels on straight segments; of the short side
# Of flat maps: levels around a pixel of one class, at least so much of the picture; levels between
# classes, the most of them, the least that one covers; levels to ADE20K's colours, of so much.
LEVEL, LEAST_LEVEL = 10, 0.6
CLASS, MOST_CLASSES, LEAST_CLASS, LEAST_EXACT = 16, 60, 0.01, 0.995
NEAR_PALETTE, LEAST_PALETTE = 12, 0.9
LOOKED_AT = 5000  # pixels whose colours are compared
# Of depth: levels of a pixel above the middle of its neighbours, or between neighbours, that are
# grain, a step or a slope, and the most of them in a map.
GRAIN, STEP, SLOPE = 6, 24, 6
MOST_GRAIN, MOST_STEPS, MOST_SLOPES = 0.045, 0.16, 0.5
LEAST_LEVELS = 12  # that depth has
SOFT = 0.02  # of the bright pixels of soft edges that are neither black nor white


def looks_like_map(picture: Frame, kind: str) -> bool:
    """Whether a picture (H, W, 3) uint8 already is a map of that kind.

    A picture of one colour says nothing and is none. Raises UsageError for an unknown kind.
    """
    facts = kind_of(kind)
    seen = _reduced(picture, facts)
    if int(seen.max()) - int(seen.min()) < COLOUR:
        return False
    if facts.tones == "colours":
        return _is_skeleton(seen) if kind == "pose" else _is_segmentation(seen)
    spread = seen.max(axis=2).astype(np.int16) - seen.min(axis=2)
    if (spread <= GREY).mean() < LEAST_GREY:
        return False
    grey = np.asarray(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    return bool(
        {
            "canny": _is_strokes,
            "lines": _is_lines,
            "mask": _is_mask,
            "softedge": _is_soft,
            "depth": _is_depth,
        }[kind](grey)
    )


def _reduced(picture: Frame, facts: Kind) -> Frame:
    from animate.annotators.maps import fit_map

    height, width = picture.shape[:2]
    scale = SIDE / min(height, width)
    if scale >= 1:
        return picture
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return fit_map(picture, facts.name, size, fit="stretch")


def _opened(shape: Grey) -> Grey:
    """What is left of the bright parts (0 or 1) without what is narrower than STROKE."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (STROKE, STROKE))
    return np.asarray(cv2.morphologyEx(shape, cv2.MORPH_OPEN, kernel), dtype=np.uint8)


def _is_two(grey: Grey) -> bool:
    """Black and white; between them only the soft rim that scaling leaves."""
    flat = _span(grey) <= COLOUR
    two = (grey <= DARK) | (grey >= BRIGHT)
    return bool(two.mean() >= LEAST_TWO or (flat.any() and two[flat].mean() >= LEAST_FLAT_TWO))


def _span(picture: Frame | Grey) -> NDArray[np.int16]:
    """Highest minus lowest value around each pixel, the channels' largest: (H, W)."""
    kernel = np.ones((3, 3), np.uint8)
    span = cv2.dilate(picture, kernel).astype(np.int16) - cv2.erode(picture, kernel)
    return np.asarray(span if span.ndim == 2 else span.max(axis=2))


def _is_strokes(grey: Grey) -> bool:
    """Canny's edges: two tones, mostly black, nothing wide."""
    bright = (grey > 127).astype(np.uint8)
    count = int(bright.sum())
    if not _is_two(grey) or not 0 < count <= MOST_STROKES * grey.size:
        return False
    return bool(_opened(bright).sum() <= LEFT_OF_STROKES * count)


def _is_lines(grey: Grey) -> bool:
    """Strokes of which most are straight."""
    from animate.annotators.straight import straight_lines

    if not _is_strokes(grey):
        return False
    drawn = straight_lines(np.repeat(grey[..., None], 3, axis=2), SHORTEST)[..., 0]
    near = cv2.dilate(drawn, np.ones((5, 5), np.uint8)) > 0
    return bool(near[grey > 127].mean() >= STRAIGHT)


def _is_mask(grey: Grey) -> bool:
    """Two tones in large areas."""
    bright = (grey > 127).astype(np.uint8)
    count = int(bright.sum())
    if not _is_two(grey) or not LEAST_AREA * grey.size <= count:
        return False
    return bool(_opened(bright).sum() >= LEFT_OF_AREAS * count)


def _is_soft(grey: Grey) -> bool:
    """Bright ridges on black, nothing wide; grey ones among them."""
    if (grey <= DARK).mean() < 1 - MOST_STROKES:
        return False
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3 * STROKE, 3 * STROKE))
    wide = cv2.morphologyEx(grey, cv2.MORPH_OPEN, kernel)
    total = float(grey.sum())
    if total == 0 or float(wide.sum()) > 2 * LEFT_OF_STROKES * total:
        return False
    bright = grey[grey > DARK]
    return bool(len(bright) and (bright < BRIGHT).mean() > SOFT)


def _is_depth(grey: Grey) -> bool:
    """Many levels that change slowly, with few steps between them and no grain."""
    if _is_two(grey):
        return False
    grey = np.asarray(cv2.normalize(grey, grey.copy(), 0, 255, cv2.NORM_MINMAX), dtype=np.uint8)
    grain = cv2.absdiff(grey, cv2.medianBlur(grey, 5)) > GRAIN
    slopes = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    if grain.mean() > MOST_GRAIN or (slopes > STEP).mean() > MOST_STEPS:
        return False
    if (slopes > SLOPE).mean() > MOST_SLOPES:
        return False
    filled = np.bincount(grey.ravel(), minlength=256) > grey.size * 1e-4
    return bool(filled.sum() >= LEAST_LEVELS)


def _is_segmentation(seen: Frame) -> bool:
    """Flat areas in ADE20K's colours, or in a few others without any shading."""
    span = _span(seen)
    flat = span <= LEVEL
    if flat.mean() < LEAST_LEVEL or (np.ptp(seen, axis=2) > COLOUR).mean() < LEAST_CLASS:
        return False
    inside = seen[flat]
    inside = inside[:: max(len(inside) // LOOKED_AT, 1)].astype(np.int16)
    if len(np.unique(inside // CLASS, axis=0)) < 2:
        return False
    gaps = np.abs(inside[:, None] - palette().astype(np.int16)).max(axis=2)
    near = gaps.min(axis=1) <= NEAR_PALETTE
    classes = np.bincount(gaps[near].argmin(axis=1)) > LEAST_CLASS * len(inside)
    return bool((near.mean() >= LEAST_PALETTE and classes.sum() > 1) or _is_exact(seen, span))


def _is_exact(seen: Frame, span: NDArray[np.int16]) -> bool:
    """Nothing but a few colours, far from each other where they meet."""
    codes = seen.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    counts = np.sort(np.unique(codes, return_counts=True)[1])[::-1]
    if len(counts) < 3 or counts[:MOST_CLASSES].sum() < LEAST_EXACT * codes.size:
        return False
    rims = span[span > 0]
    level = (span == 0).mean() >= LEAST_LEVEL
    return bool(level and np.median(rims) > COLOUR)


def _is_skeleton(seen: Frame) -> bool:
    from pose.skeletons import looks_drawn

    return looks_drawn([seen])
