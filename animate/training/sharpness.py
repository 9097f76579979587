"""How near a picture's fine detail is to the truth's: edges, gradients, high frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]  # (H, W, 3) RGB
Map = NDArray[np.float32]  # (H, W)

CANNY = (60, 140)  # thresholds, on gradients of 8-bit pictures
NEAR = (-8, -4, 4, 8)  # columns: tokens of the embedded enlarger are 4 pixels wide
REACH = 1  # pixels that an edge may lie beside the true one


@dataclass(frozen=True, kw_only=True)
class Sharpness:
    """edges: F1 of Canny's edges; gradients: their mean absolute error, in levels of 0 to 255;
    high: energy of the high frequencies as a multiple of the truth's."""

    edges: float
    gradients: float
    high: float


def sharpness(result: Frame, truth: Frame, factor: float) -> Sharpness:
    """Compare a picture, enlarged ``factor`` times, with the truth of the same size."""
    return Sharpness(
        edges=edge_f1(result, truth),
        gradients=gradient_error(result, truth),
        high=high_energy(result, factor) / max(high_energy(truth, factor), 1e-9),
    )


def edge_f1(result: Frame, truth: Frame) -> float:
    """F1 of the edges found in both, those within `REACH` of each other counted as the same."""
    found, true = (cv2.Canny(picture, *CANNY) > 0 for picture in (result, truth))
    if not found.any() or not true.any():
        return float(not found.any() and not true.any())
    precision = (found & _widened(true)).sum() / found.sum()
    recall = (true & _widened(found)).sum() / true.sum()
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def gradient_error(result: Frame, truth: Frame) -> float:
    """Mean absolute error of the differences of neighbouring pixels, down and across."""
    error = result.astype(np.float32) - truth.astype(np.float32)
    parts = [np.abs(np.diff(error, axis=axis)) for axis in (0, 1)]
    return float(sum(part.sum() for part in parts) / sum(part.size for part in parts))


def seam(result: Frame, truth: Frame, columns: Sequence[int]) -> float:
    """The error of the steps from these columns to the next, as a multiple of that near by.

    Near by, as figures stand in the middle, where tiles meet, and walls elsewhere; and whole
    tokens away, as an error differs within a token.
    """
    error = np.abs(np.diff(result.astype(np.float32) - truth.astype(np.float32), axis=1))
    each = error.mean(axis=(0, 2))
    near = {column + away for column in columns for away in NEAR} - set(columns)
    beside = [column for column in near if 0 <= column < len(each)]
    return float(each[list(columns)].mean() / max(each[beside].mean(), 1e-9))


def high_energy(picture: Frame, factor: float) -> float:
    """Energy of what a picture ``factor`` times smaller cannot hold (above its Nyquist frequency).

    Of the grey picture under a Hann window: else the jump from border to border counts as detail.
    """
    grey = picture.astype(np.float32).mean(axis=2)
    height, width = grey.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    spectrum = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
    down, across = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :]
    beyond = np.maximum(np.abs(down), np.abs(across)) > 0.5 / factor
    return float(spectrum[beyond].sum() / (window**2).sum())


def _widened(edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    side = 2 * REACH + 1
    grown = cv2.dilate(edges.astype(np.uint8), np.ones((side, side), np.uint8))
    return np.asarray(grown > 0)
