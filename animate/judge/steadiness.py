"""Does a picture hold still where it should? Flicker, seams and drift; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Frames = NDArray[np.uint8]

NEIGHBOURS = 2  # steps before and after a border that tell what is usual there
ENDS = 0.15  # share of the clip that counts as its start, and as its end
LEAST_DRIFT = 16  # frames; over fewer, the pose decides which colours show
# Grey levels of flicker that nobody sees, half a step of an 8-bit picture. Rendered truth holds
# perfectly still: beside it, any flicker would be endlessly many times as strong.
UNSEEN = 0.5
JUMP = 4.0  # times the change around it that make a step between frames a jump,
LEAST_JUMP = 3.0  # and grey levels that it must have


@dataclass(frozen=True, kw_only=True)
class SteadinessFigures:
    """None where nothing could be measured.

    flicker: of the background in grey levels; against_truth: times that of the truth. seams: change
    at the windows' borders over the change around them, 1 is no seam. drift: from the clip's start
    to its end, in CIELAB, of figure and background, the larger one. jumps: steps between frames
    in which the picture changes far more than around them.
    """

    flicker: float | None
    against_truth: float | None
    seams: float | None
    drift: float | None
    jumps: tuple[int, ...] = ()


def flicker_of(frames: Sequence[Frames] | Frames, still: Flags) -> float:
    """Grey levels by which the second of three frames (H, W, 3) is off the others' mean.

    Only where `still` (H, W). What fades evenly does not flicker. NaN if no pixel is still.
    """
    if not still.any():
        return float("nan")
    before, frame, after = frames
    off = frame.astype(np.float64) - (before.astype(np.float64) + after) / 2
    return float(np.abs(off).mean(axis=-1)[still].mean())


def flicker(frames: Frames, background: Flags) -> float:
    """Mean of `flicker_of` over a clip (F, H, W, 3) whose background is (F, H, W)."""
    values = [
        flicker_of(frames[i - 1 : i + 2], background[i - 1 : i + 2].all(axis=0))
        for i in range(1, len(frames) - 1)
    ]
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def times_truth(result: float, truth: float) -> float:
    """How many times as strongly a result flickers as the truth; what is UNSEEN counts as that."""
    return max(result, UNSEEN) / max(truth, UNSEEN)


def seam_ratio(changes: Floats, borders: Sequence[int]) -> float | None:
    """Change into a window's first frame over the mean of the steps around it, at the median.

    changes (F - 1,): between frames i and i + 1. borders: first frames of windows.
    """
    steps = [border - 1 for border in borders if 0 < border <= len(changes)]
    ratios = [changes[step] / usual for step in steps if (usual := _usual(changes, step)) > 0]
    return float(np.median(ratios)) if ratios else None


def jumps(changes: Floats) -> tuple[int, ...]:
    """Frames that differ from the one before far more than the frames around do; as above."""
    return tuple(
        step + 1
        for step, change in enumerate(changes)
        if change > LEAST_JUMP and change > JUMP * _usual(changes, step)
    )


def drift(colours: Floats) -> float | None:
    """Distance in CIELAB between the medians of a clip's start and end; colours (F, 3) or NaN."""
    count = max(1, round(len(colours) * ENDS))
    known = colours[np.isfinite(colours).all(axis=-1)]
    if len(known) < LEAST_DRIFT:
        return None
    first, last = np.median(known[:count], axis=0), np.median(known[-count:], axis=0)
    return float(np.linalg.norm(last - first))


def _usual(changes: Floats, step: int) -> float:
    """The mean change in the steps around one; 0 if there are none."""
    first = max(step - NEIGHBOURS, 0)
    around = [*changes[first:step], *changes[step + 1 : step + NEIGHBOURS + 1]]
    return float(np.mean(around)) if around else 0.0
