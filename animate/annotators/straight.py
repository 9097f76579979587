"""Straight lines: white on black, as the Hough and M-LSD annotators draw them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]  # (H, W, 3) RGB

SHORT_SIDE = 512  # pixels; larger pictures are looked at in this size
SUBPIXEL = 4  # bits of a position's fraction that cv2.line gets


def straight_lines(picture: Frame, shortest: float) -> Frame:
    """The straight lines of a picture, (H, W, 3) of (H, W, 3), each one pixel wide.

    shortest: lines shorter than this part of the short side are left out. Grompone von Gioi et
    al., "LSD: a line segment detector", IPOL 2012, by OpenCV. Drawn as controlnet_aux, mlsd.
    """
    drawn = np.zeros(picture.shape[:2], np.uint8)
    ends = np.rint(segments(picture, shortest) * (1 << SUBPIXEL)).astype(int)
    for x0, y0, x1, y1 in ends:
        cv2.line(drawn, (x0, y0), (x1, y1), (255,), 1, cv2.LINE_8, SUBPIXEL)
    return np.repeat(drawn[..., None], 3, axis=2)


def segments(picture: Frame, shortest: float = 0.0) -> NDArray[np.float32]:
    """Straight segments (N, 4) of a picture (H, W, 3): x and y of both ends, in pixels."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    scale = min(SHORT_SIDE / min(height, width), 1.0)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if min(grey.shape) < 3:  # LSD fails on less
        return np.empty((0, 4), np.float32)
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(grey)[0]
    if found is None:
        return np.empty((0, 4), np.float32)
    ends = np.asarray(found, dtype=np.float32).reshape(-1, 4)
    sides = np.array([width / grey.shape[1], height / grey.shape[0]] * 2, np.float32)
    ends = ends * sides
    lengths = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    return np.asarray(ends[lengths >= shortest * min(height, width)], dtype=np.float32)
