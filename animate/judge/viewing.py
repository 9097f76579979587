"""One pass over a result's frames: how it looks, how steady it is, how near the truth."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.judge.fidelity import TruthFigures, compare_truth, typical_truth
from animate.judge.identity import Appearance, look_at, to_lab, typical
from animate.judge.regions import paint_parts, silhouette
from animate.judge.steadiness import (
    SteadinessFigures,
    drift,
    flicker_of,
    jumps,
    seam_ratio,
    times_truth,
)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Frame = NDArray[np.uint8]

SIDE = 256  # pixels of the short side at which looks and steadiness are measured at most
ROOM = 24  # the background keeps a distance of 1/ROOM of the short side from the figure
ALIKE = 8  # pictures of a clip that are shown to large networks


class View:
    """Collects the figures of a clip frame by frame; holds three frames, never all."""

    def __init__(self, count: int) -> None:
        self.appearances: list[Appearance] = []
        self.samples: list[tuple[Frame, Floats]] = []  # figures cut out, and their face points
        self._count = count
        self._recent: list[tuple[Frame, Flags, Frame | None]] = []
        self._grey: Floats | None = None
        self._changes: list[float] = []
        self._flicker: list[float] = []
        self._true_flicker: list[float] = []
        self._background: list[Floats] = []
        self._truths: list[TruthFigures] = []

    def add(self, frame: Frame, points: Floats, seen: Flags, truth: Frame | None = None) -> None:
        """The next frame (H, W, 3) with its figure's points (133, 2), and the true frame."""
        if truth is not None:
            masks = [silhouette(picture, points)[None] for picture in (frame, truth)]
            self._truths.append(compare_truth(frame[None], truth[None], *masks))
        number = len(self.appearances)
        if number % max(1, self._count // ALIKE) == 0:
            self.samples.append(cut_figure(frame, points))
        small, scale = shrink(frame)
        shown = silhouette(small, points * scale)
        self.appearances.append(appearance(small, points * scale, seen, shown))
        self._add_steadiness(small, shown, None if truth is None else shrink(truth)[0])

    def _add_steadiness(self, frame: Frame, shown: Flags, truth: Frame | None) -> None:
        still = ~_grown(shown)
        colours = to_lab(frame)[still]
        middle = np.median(colours, axis=0) if len(colours) else np.full(3, np.nan)
        self._background.append(middle)
        grey = frame.mean(axis=-1)
        if self._grey is not None:
            self._changes.append(float(np.abs(grey - self._grey).mean()))
        self._grey = grey
        self._recent = [*self._recent[-2:], (frame, still, truth)]
        if len(self._recent) == 3:
            frames, backgrounds, truths = zip(*self._recent, strict=True)
            calm = np.logical_and.reduce(backgrounds)
            self._flicker.append(flicker_of(frames, calm))
            true = [picture for picture in truths if picture is not None]
            if len(true) == len(frames):
                self._true_flicker.append(flicker_of(true, calm))

    def typical(self) -> Appearance:
        """How the figure looks over the clip."""
        return typical(self.appearances)

    def truth(self) -> TruthFigures | None:
        """Against the true frames, if there were any."""
        return typical_truth(self._truths)

    def steadiness(self, borders: Sequence[int]) -> SteadinessFigures:
        """Over the clip; borders are the first frames of its windows."""
        flicker, true = _mean(self._flicker), _mean(self._true_flicker)
        changes = np.array(self._changes)
        figure = np.array([one.colours for one in self.appearances])
        drifts = [drift(np.array(self._background)), *map(drift, figure.transpose(1, 0, 2))]
        known = [value for value in drifts if value is not None]
        return SteadinessFigures(
            flicker=flicker,
            against_truth=None if flicker is None or true is None else times_truth(flicker, true),
            seams=seam_ratio(changes, borders),
            drift=float(np.median(known)) if known else None,
            jumps=jumps(changes),
        )


def appearance(picture: Frame, points: Floats, seen: Flags, shown: Flags) -> Appearance:
    """How the figure with these points (133, 2) looks in (H, W, 3)."""
    labels = paint_parts(points, seen, shown.shape)
    if shown.any():
        labels = np.where(shown, labels, 0).astype(np.uint8)
    return look_at(picture, labels, shown if shown.any() else labels > 0)


def cut_figure(picture: Frame, points: Floats) -> tuple[Frame, Floats]:
    """The picture's part around the points (133, 2), and their places in it; or all of it."""
    known = points[np.isfinite(points).all(axis=-1)]
    if not len(known):
        return picture, points
    room = 0.15 * np.ptp(known, axis=0).max()
    height, width = picture.shape[:2]
    left, top = np.floor(known.min(axis=0) - room).clip(0, [width - 2, height - 2]).astype(int)
    right, bottom = np.ceil(known.max(axis=0) + room).clip([left + 2, top + 2]).astype(int)
    return picture[top:bottom, left:right].copy(), points - [left, top]


def shrink(picture: Frame) -> tuple[Frame, float]:
    """A picture with at most SIDE pixels on its short side, and its scale."""
    scale = min(1.0, SIDE / min(picture.shape[:2]))
    if scale == 1.0:
        return picture, scale
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), scale


def _grown(shown: Flags) -> Flags:
    side = 2 * max(1, min(shown.shape) // ROOM) + 1
    return np.asarray(cv2.dilate(shown.astype(np.uint8), np.ones((side, side))) > 0)


def _mean(values: list[float]) -> float | None:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else None
