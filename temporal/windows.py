"""Overlapping windows over a clip: which frames are denoised together and how they are blended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from temporal.errors import WindowError

Blend = Literal["weighted", "official"]


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
    frames: int, window: int, overlap: int, *, blend: Blend = "weighted", anchored: bool = True
) -> list[Window]:
    """Cover a clip of `frames` frames with windows that share `overlap` frames with the next.

    weighted: ramps across the overlaps, windows of nearly equal length, at most `window`; every
    overlap from 0 to window - 1 is valid. official: the reference's windows; slot 0 of a later
    window is discarded and, if anchored, conditioned on frame 0. Raises WindowError.
    """
    if frames < 1 or window < 1 or overlap < 0:
        raise WindowError(
            f"need at least 1 frame, window 1 and overlap 0; got {frames} frames, "
            f"window {window}, overlap {overlap}"
        )
    if blend == "official":
        return _official_windows(frames, window, overlap, anchored)
    if overlap >= window:
        raise WindowError(
            f"overlap must be smaller than the window; got overlap {overlap}, window {window}"
        )
    return _weighted_windows(frames, window, overlap)


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


def _official_windows(frames: int, window: int, overlap: int, anchored: bool) -> list[Window]:
    length = min(window, frames)
    # A clip of one window needs no overlap, and the reference fails on some there.
    starts = [0] if length == frames else official_starts(frames, window, overlap)
    windows = [
        Window(
            start=start,
            stop=start + length,
            weights=(float(start == 0), *[1.0] * (length - 1)),
            controls=(0 if anchored else start, *range(start + 1, start + length)),
            ramp=_ramp(range(length), length),
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


def _weighted_windows(frames: int, window: int, overlap: int) -> list[Window]:
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
                ramp=_ramp(range(start, stop), frames),
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


def _ramp(positions: range, length: int) -> tuple[float, ...]:
    return tuple(position / max(length - 1, 1) for position in positions)
