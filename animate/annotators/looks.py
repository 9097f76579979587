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
COLOUR = 24  # levels between the channels of a grey pixel: what JPEG and H.264 leave at most
LEAST_GREY = 0.995  # of the pixels of a grey map
DARK, BRIGHT = 48, 207  # of 255: black and white with what compression does to them
LEAST_TWO = 0.9  # of the pixels of a picture of two tones
MOST_STROKES = 0.4  # of the pixels of a map of thin strokes
STROKE = 9  # pixels that no stroke is wide, JPEG and scaling included
LEFT_OF_STROKES = 0.1  # of what is bright, after everything narrower than STROKE is gone
LEFT_OF_AREAS = 0.75  # the same of masks
LEAST_AREA = 0.002  # of the pixels that a mask must show
STRAIGHT, SHORTEST = 0.6, 0.02  # of the bright pixels on straight segments; of the short side
LEVEL, LEAST_LEVEL = 3, 0.75  # levels of 255 around a pixel that is flat; of all, in flat maps
CLASS, MOST_CLASSES, LEAST_CLASS = 16, 60, 0.001  # levels; colours, and what one must cover
NEAR_PALETTE, LEAST_PALETTE = 12, 0.8  # levels of 255; of the pixels
ROUGH, MOST_ROUGH = 1.5, 0.1  # second difference in levels; of the pixels of smooth depth
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
    if (spread <= COLOUR).mean() < LEAST_GREY:
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
    return bool(((grey <= DARK) | (grey >= BRIGHT)).mean() >= LEAST_TWO)


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
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * STROKE, 2 * STROKE))
    wide = cv2.morphologyEx(grey, cv2.MORPH_OPEN, kernel)
    total = float(grey.sum())
    if total == 0 or float(wide.sum()) > 2 * LEFT_OF_STROKES * total:
        return False
    bright = grey[grey > DARK]
    return bool(len(bright) and (bright < BRIGHT).mean() > SOFT)


def _is_depth(grey: Grey) -> bool:
    """Grey areas that change slowly, with steps between them."""
    values = grey.astype(np.int16)
    across = np.abs(values[:, 2:] - 2 * values[:, 1:-1] + values[:, :-2])[1:-1]
    down = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])[:, 1:-1]
    if (np.maximum(across, down) > ROUGH).mean() > MOST_ROUGH:
        return False
    filled = np.bincount(grey.ravel(), minlength=256) > grey.size * 1e-4
    return bool(filled.sum() >= LEAST_LEVELS) and not _is_two(grey)


def _is_segmentation(seen: Frame) -> bool:
    """Few colours in flat areas, those of ADE20K or evenly filled ones."""
    kernel = np.ones((3, 3), np.uint8)
    span = cv2.dilate(seen, kernel).astype(np.int16) - cv2.erode(seen, kernel)
    flat = span.max(axis=2) <= LEVEL
    if flat.mean() < LEAST_LEVEL:
        return False
    counts = np.unique(seen[flat] // CLASS, axis=0, return_counts=True)[1]
    large = counts >= LEAST_CLASS * seen.shape[0] * seen.shape[1]
    if not 2 <= large.sum() <= MOST_CLASSES:
        return False
    gaps = np.abs(seen[flat][::7, None].astype(np.int16) - palette()).max(axis=2).min(axis=1)
    return bool((gaps <= NEAR_PALETTE).mean() >= LEAST_PALETTE) or _is_exact(seen)


def _is_exact(seen: Frame) -> bool:
    """Nothing but a few colours, without any shading."""
    codes = seen.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    counts = np.sort(np.unique(codes, return_counts=True)[1])[::-1]
    return bool(counts[:MOST_CLASSES].sum() >= 0.995 * codes.size) and len(counts) > 2


def _is_skeleton(seen: Frame) -> bool:
    from pose.skeletons import looks_drawn

    return looks_drawn([seen])
