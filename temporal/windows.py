"""Overlapping windows over a clip: which frames are denoised together and how they are blended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Literal

from temporal.errors import WindowError

Blend = Literal["weighted", "official", "shifted"]
Ramp = Literal["clip", "window"]

# Where the first border of shifted windows lies, in windows, step after step: far from where it
# was in the steps before, and no window is shorter than a quarter.
PHASES = (0.0, 0.5, 0.25, 0.75)


@dataclass(frozen=True, kw_only=True)
class Window:
    """One stretch of the clip that is denoised at once, frames start to stop - 1.

    Per slot (position in the window): weights, the share of the result in the blend, 0 discards
    it; controls, the clip frame whose control is used; ramp, position in the guidance ramp [0, 1].
    """

    start: int
    stop: int
    weights: tuple[float, ...]
    controls: tuple[int, ...]
    ramp: tuple[float, ...]

    def __len__(self) -> int:
        return self.stop - self.start


def plan_windows(
    frames: int,
    window: int,
    overlap: int = 0,
    *,
    blend: Blend = "weighted",
    ramp: Ramp | None = None,
    anchored: bool = True,
    step: int = 0,
) -> list[Window]:
    """Cover a clip of `frames` frames with windows, those of denoising step `step`.

    weighted: windows share `overlap` frames with the next, with ramps across them, and have nearly
    equal lengths, at most `window`; every overlap from 0 to window - 1 is valid. shifted: no
    overlap; the borders move from step to step instead. official: the reference's windows; slot 0
    of a later window is discarded and, if anchored, conditioned on frame 0.
    ramp: guidance rises over the clip, or over each window; None: as the reference does for
    official, over the clip for the others. Raises WindowError.
    """
    if frames < 1 or window < 1 or overlap < 0:
        raise WindowError(
            f"need at least 1 frame, window 1 and overlap 0; got {frames} frames, "
            f"window {window}, overlap {overlap}"
        )
    ramp = ramp or ("window" if blend == "official" else "clip")
    if blend == "official":
        return _official_windows(frames, window, overlap, anchored, ramp)
    if blend == "shifted":
        return _shifted_windows(frames, window, step, ramp)
    if overlap >= window:
        raise WindowError(
            f"overlap must be smaller than the window; got overlap {overlap}, window {window}"
        )
    return _weighted_windows(frames, window, overlap, ramp)


def official_starts(frames: int, window: int, overlap: int) -> list[int]:
    """Return the reference's window starts, its degenerate answers included.

    The last window is moved back to end with the clip. Raises WindowError where the reference
    fails: overlap equal to the effective window length.
    """
    window = min(window, frames)
    if overlap == window:
        raise WindowError(
            f"overlap {overlap} equals the effective window of {window} frames; choose a smaller"
        )
    return [min(s, frames - window) for s in range(0, frames - overlap, window - overlap)]


def coverage(windows: Sequence[Window], frames: int) -> list[float]:
    """Return the summed weight of every clip frame; 0 means that no window gives a result."""
    total = [0.0] * frames
    for window in windows:
        for slot, weight in enumerate(window.weights):
            total[window.start + slot] += weight
    return total


def _official_windows(
    frames: int, window: int, overlap: int, anchored: bool, ramp: Ramp
) -> list[Window]:
    length = min(window, frames)
    # A clip of one window needs no overlap, and the reference fails on some there.
    starts = [0] if length == frames else official_starts(frames, window, overlap)
    windows = [
        Window(
            start=start,
            stop=start + length,
            weights=(float(start == 0), *[1.0] * (length - 1)),
            controls=(0 if anchored else start, *range(start + 1, start + length)),
            ramp=_ramp(start, start + length, frames, ramp),
        )
        for start in starts
    ]
    missing = [frame for frame, total in enumerate(coverage(windows, frames)) if total == 0]
    if missing:
        raise WindowError(
            f"official windows of {length} with overlap {overlap} never write frames "
            f"{missing[:8]}; use an overlap from 1 to {length - 1}, or blend='weighted'"
        )
    return windows


def _weighted_windows(frames: int, window: int, overlap: int, ramp: Ramp) -> list[Window]:
    count = 1 if frames <= window else ceil((frames - overlap) / (window - overlap))
    slots = frames + (count - 1) * overlap
    windows = []
    start = 0
    for index in range(count):
        # Equal shares instead of full windows with the last one moved back over finished frames.
        length = slots // count + (index < slots % count)
        stop = start + length
        windows.append(
            Window(
                start=start,
                stop=stop,
                weights=_blend_weights(length, overlap, first=start == 0, last=stop == frames),
                controls=tuple(range(start, stop)),
                ramp=_ramp(start, stop, frames, ramp),
            )
        )
        start = stop - overlap
    return windows


def _blend_weights(length: int, overlap: int, *, first: bool, last: bool) -> tuple[float, ...]:
    def weight(slot: int) -> float:
        rise = 1.0 if first else (slot + 1) / (overlap + 1)
        fall = 1.0 if last else (length - slot) / (overlap + 1)
        return min(1.0, rise, fall)

    return tuple(weight(slot) for slot in range(length))


def _shifted_windows(frames: int, window: int, step: int, ramp: Ramp) -> list[Window]:
    if frames <= window:
        borders = [0, frames]
    else:
        first = round(window * PHASES[step % len(PHASES)]) or window
        borders = [0, *range(first, frames, window), frames]
        # A rest too short to be a window of its own is shared with the one before.
        if borders[-1] - borders[-2] < window / 4 and len(borders) > 2:
            borders[-2] = (borders[-3] + borders[-1]) // 2
    return [
        Window(
            start=start,
            stop=stop,
            weights=(1.0,) * (stop - start),
            controls=tuple(range(start, stop)),
            ramp=_ramp(start, stop, frames, ramp),
        )
        for start, stop in pairwise(borders)
    ]


def _ramp(start: int, stop: int, frames: int, over: Ramp) -> tuple[float, ...]:
    """Position of frames start to stop - 1 in the clip, or in their window, in [0, 1]."""
    if over == "window":
        start, stop, frames = 0, stop - start, stop - start
    return tuple(position / max(frames - 1, 1) for position in range(start, stop))
