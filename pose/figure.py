"""A picture taken apart: which pixels are its figures', and what may be behind them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.skeleton import Frame

# Distances from the bones in breadths of their parts (see pose.bones): up to SURE all is figure,
# beyond FAR all is background, and what is LIKELY a figure is where the search begins. Where models
# know persons: up to SEEN, how sure they must be that a pixel shows none or one, in between colours
# decide; and how much of the union with what is likely they must agree on, or they do not know this
# kind of figure. On 48 rendered characters 0.96 of the union with the true figure (worst 0.87), by
# colours alone 0.93 (0.69), by the models alone 0.94 (0.83). All nearby values do the same.
SURE, LIKELY, FAR = 0.35, 0.9, 1.4
SEEN, NOBODY, SOMEBODY, AGREED = 2.5, 0.25, 0.85, 0.4
ROUNDS = 3
SIDE = 256  # pixels: short side at which larger pictures are cut


def cut_out(
    picture: Frame, distance: NDArray[np.float32], certainty: NDArray[np.float32] | None = None
) -> NDArray[np.bool_]:
    """Return which pixels (H, W) of a picture (H, W, 3) are its figures'.

    By their skeletons and the colours (Rother, Kolmogorov and Blake, "GrabCut", 2004), so that
    drawings and dolls are cut out as well as photographs, and by what models are sure of.

    distance (H, W): to the nearest bone, in breadths of its part. certainty (H, W): of a person,
    see `pose.segment`.
    """
    height, width = distance.shape
    scale = min(1.0, SIDE / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    near = cv2.resize(np.minimum(distance, 2 * SEEN), size, interpolation=cv2.INTER_AREA)
    if certainty is not None:
        certainty = np.asarray(cv2.resize(certainty, size, interpolation=cv2.INTER_AREA))
    zones = _zones(near, certainty)
    kinds = zones & 1
    if kinds.all() or not kinds.any():
        return distance <= LIKELY
    cv2.setRNGSeed(0)  # its clusters start at random
    behind, before, nowhere = np.zeros((1, 65)), np.zeros((1, 65)), (0, 0, 0, 0)
    cv2.grabCut(small, zones, nowhere, behind, before, ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray(cv2.resize((zones & 1).astype(np.float32), (width, height)) > 0.5)


def _zones(near: NDArray[Any], certainty: NDArray[Any] | None) -> NDArray[np.uint8]:
    """What is known of each pixel (H, W) beforehand, in OpenCV's words."""
    likely, possible = near <= LIKELY, near <= FAR
    somebody = nobody = np.zeros_like(likely)
    if certainty is not None:
        seen = (certainty > 0.5) & (near <= SEEN)
        if (seen & likely).sum() > AGREED * (seen | likely).sum():
            likely, possible = seen, possible | seen
            somebody, nobody = seen & (certainty > SOMEBODY), certainty < NOBODY
    zones = np.full(near.shape, cv2.GC_BGD, np.uint8)
    zones[possible] = cv2.GC_PR_BGD
    zones[likely] = cv2.GC_PR_FGD
    zones[nobody] = cv2.GC_BGD
    zones[somebody | (near <= SURE)] = cv2.GC_FGD
    return zones


def widened(mask: NDArray[np.bool_], margin: int) -> NDArray[np.bool_]:
    """The mask (H, W) with so many pixels around it."""
    side = 2 * margin + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)


def without_slivers(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """The mask (H, W) without what is nowhere so many pixels wide."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc) > 0)


def fill(picture: Frame, known: NDArray[np.bool_]) -> Frame:
    """A copy of a picture (H, W) or (H, W, C), with what is not known (H, W) grown in from around.

    By a pyramid: a hole is filled at the size at which it is no wider than a pixel.
    """
    if known.all() or not known.any():
        return picture.copy()
    height, width = known.shape
    half = ((width + 1) // 2, (height + 1) // 2)
    each = known.reshape(known.shape + (1,) * (picture.ndim - 2))
    share = cv2.resize(known.astype(np.float32), half, interpolation=cv2.INTER_AREA)
    summed = cv2.resize(picture * each.astype(np.float32), half, interpolation=cv2.INTER_AREA)
    parts = np.maximum(share, 1e-6).reshape(share.shape + (1,) * (picture.ndim - 2))
    filled = fill((summed / parts).round().astype(np.uint8), share > 0)
    grown = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(each, picture, grown).astype(np.uint8)
