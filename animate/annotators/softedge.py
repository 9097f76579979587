"""Soft edges without a network: grey outlines in the look of HED's maps.

What tells an outline from texture, without learning: it is seen at several scales, it goes on in
its own direction, and there is more of it than around it. Measured by scripts/bench_softedge.py.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.annotators.ridges import Floats, across_of, suppress

Frame = NDArray[np.uint8]  # (H, W, 3) RGB

SHORT_SIDE = 512  # pixels; larger pictures are reduced, as HED's maps are made at this size
SCALES = (1.0, 2.0, 4.0, 8.0)  # pixels of blur at which an outline must be seen
NOISE = 1.0  # gradient in CIELAB units that counts as nothing
POWER = 0.7  # weak outlines are outlines too
DIRECTIONS = 12  # that an outline may go on in
LENGTH, WIDTH = 3.5, 0.8  # pixels of standard deviation along and across it
SHARPNESS = 4  # how quickly a gradient of another direction stops to count: power of the cosine
# The surround takes away so much of its mean within so many pixels: Grigorescu, Petkov and
# Westenberg, "Contour detection based on nonclassical receptive field inhibition", TIP 2003.
INHIBITION, SURROUND = 0.8, 12.0
BRIGHTNESS = 0.5  # of 1 - exp(-strength * BRIGHTNESS): outlines of people come out nearly white


def softedge(picture: Frame, *, thin: bool = False) -> Frame:
    """Outlines, the brighter the surer, (H, W, 3) of (H, W, 3).

    thin: only the ridges of the outlines, one pixel wide.
    """
    height, width = picture.shape[:2]
    scale = min(SHORT_SIDE / min(height, width), 1.0)
    seen = picture
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        seen = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    strength = outlines(seen)
    if scale < 1:
        strength = np.asarray(cv2.resize(strength, (width, height)), dtype=np.float32)
    if thin:
        strength = suppress(strength, across_of(strength))
    grey = np.rint(255 * (1 - np.exp(-BRIGHTNESS * strength))).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def outlines(picture: Frame) -> Floats:
    """How strong an outline goes through each pixel: (H, W), 0 and more, of (H, W, 3)."""
    strength, angle = _gradients(picture)
    longest = np.zeros_like(strength)
    for direction, kernel in _strokes():
        own = strength * np.abs(np.sin(angle - direction)) ** SHARPNESS
        cv2.max(longest, cv2.filter2D(own, -1, kernel), dst=longest)
    around = cv2.GaussianBlur(strength, (0, 0), SURROUND)
    return np.asarray(np.maximum(longest - INHIBITION * around, 0), dtype=np.float32)


def _gradients(picture: Frame) -> tuple[Floats, Floats]:
    """Strength over all scales (H, W), and the angle of the gradient in radians.

    The colour gradient is Di Zenzo's ("A note on the gradient of a multi-image", CVGIP 1986),
    in units of one pixel of blur. The geometric mean wants an outline at every scale.
    """
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    shape = picture.shape[:2]
    logs, cosine, sine = (np.zeros(shape, np.float32) for _ in range(3))
    for sigma in SCALES:
        blurred = cv2.GaussianBlur(lab, (0, 0), sigma)
        x = cv2.Sobel(blurred, cv2.CV_32F, 1, 0, scale=sigma / 8)  # of 3 pixels, its weights are 8
        y = cv2.Sobel(blurred, cv2.CV_32F, 0, 1, scale=sigma / 8)
        xx, yy, xy = (x * x).sum(axis=2), (y * y).sum(axis=2), (x * y).sum(axis=2)
        spread = np.hypot(xx - yy, 2 * xy)
        size = np.sqrt((xx + yy + spread) / 2)
        # The tensor's angle is double the gradient's, so that opposite gradients agree.
        weight = size / np.maximum(spread, 1e-12)
        cosine += weight * (xx - yy)
        sine += weight * 2 * xy
        logs += np.log(size + NOISE)
    strength = np.exp(logs * (POWER / len(SCALES))) - NOISE**POWER
    return strength.astype(np.float32), (0.5 * np.arctan2(sine, cosine)).astype(np.float32)


@lru_cache(maxsize=1)
def _strokes() -> list[tuple[float, Floats]]:
    """A soft stroke in each direction (radians along it), of weight 1."""
    reach = round(2 * LENGTH)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    strokes = []
    for direction in np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
        along = x * np.cos(direction) + y * np.sin(direction)
        across = y * np.cos(direction) - x * np.sin(direction)
        kernel = np.exp(-0.5 * ((along / LENGTH) ** 2 + (across / WIDTH) ** 2))
        strokes.append((float(direction), (kernel / kernel.sum()).astype(np.float32)))
    return strokes
