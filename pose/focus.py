"""Which part of every frame an estimator that sees one person is shown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.likeness import overlap, size_of
from pose.skeleton import Floats, Frame
from pose.video import Clip

# Room around a person's joints: parts of its size (hands and hair reach beyond), and all that it
# covers within so many seconds, as hands are faster than that.
ROOM, MARGIN = 0.2, 0.25
# Who is not seen for longer (seconds) may be gone: a place that somebody else has is not shown.
GONE, TAKEN = 1.0, 0.3
CLOSE = (256, 1280)  # pixels; the least and the most of a close view's side


@dataclass(frozen=True, eq=False)
class Focus:
    """The part of every frame that shows the chosen person, and how many persons there are.

    boxes (F, 4): left, top, right, bottom in pixels, inside the frame, NaN where nothing is to be
    shown; crowd (F,) persons seen; number: the person's, 1 = the most prominent. close: the view
    goes along with somebody far away; then boxes are squares, all of which is shown.
    """

    boxes: Floats
    crowd: NDArray[np.int64]
    number: int = 1
    close: bool = False

    @cached_property
    def window(self) -> tuple[int, int, int, int]:
        """The part of the picture that the person is ever in, in whole pixels.

        It is the same for all frames: an estimator that follows its own region from frame to
        frame would lose the person in a view that moves.
        """
        left, top = np.floor(np.nanmin(self.boxes[:, :2], axis=0)).astype(int)
        right, bottom = np.ceil(np.nanmax(self.boxes[:, 2:], axis=0)).astype(int)
        return int(left), int(top), int(right), int(bottom)

    def view(self, number: int, frame: Frame) -> tuple[Frame, Floats, Floats]:
        """What to show of frame `number`, and scale (2,) and shift (2,) back to its pixels.

        The window around all places of the person, blank but for the box where it is now; a close
        view is the box itself, always as large.
        """
        if self.close:
            return self._close_up(number, frame)
        left, top, right, bottom = self.window
        part = frame[top:bottom, left:right]
        shown = np.empty_like(part)
        shown[:] = part[::8, ::8].mean(axis=(0, 1))  # an even colour has no edges to be seen in
        box = self.boxes[number]
        if np.isfinite(box).all():
            low = np.floor(box[:2]).astype(int) - (left, top)
            high = np.ceil(box[2:]).astype(int) - (left, top)
            inside = slice(low[1], high[1]), slice(low[0], high[0])
            shown[inside] = part[inside]
        return shown, np.ones(2), np.array([left, top], dtype=np.float64)

    @cached_property
    def side(self) -> int:
        """Of the square view that is close, in pixels: as the largest, for the sake of hands."""
        largest = float((self.boxes[:, 2] - self.boxes[:, 0]).max())
        return round(min(max(largest, CLOSE[0]), CLOSE[1]))

    def _close_up(self, number: int, frame: Frame) -> tuple[Frame, Floats, Floats]:
        (left, top), (right, bottom) = np.rint(self.boxes[number].reshape(2, 2)).astype(int)
        height, width = frame.shape[:2]
        inside = frame[max(top, 0) : bottom, max(left, 0) : right]
        room = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
        part = cv2.copyMakeBorder(inside, *room, cv2.BORDER_REPLICATE)
        scale = np.array([right - left, bottom - top]) / self.side
        method = cv2.INTER_AREA if scale[0] > 1 else cv2.INTER_CUBIC
        shown = cv2.resize(part, (self.side, self.side), interpolation=method)
        return np.asarray(shown, np.uint8), scale, np.array([left, top], dtype=np.float64)


def room_for(slot: int, boxes: Floats, times: Floats, clip: Clip) -> Floats:
    """The boxes (F, 4) to show of one person of boxes (S, P, 4), which were seen at times (S,)."""
    own = boxes[:, slot]
    seen = np.isfinite(own[:, 0])
    sides = np.stack([np.interp(clip.times, times[seen], side) for side in own[seen].T], axis=1)
    reach = max(1, round(MARGIN * clip.fps))
    around = np.pad(sides, ((reach, reach), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(around, 2 * reach + 1, axis=0)
    sides = np.concatenate([windows[:, :2].min(axis=-1), windows[:, 2:].max(axis=-1)], axis=1)
    sides = sides + ROOM * size_of(sides)[:, None] * [-1, -1, 1, 1]
    shown: Floats = np.clip(sides, 0, np.tile(clip.size, 2))
    for frame in np.flatnonzero(_waiting(clip.times, times[seen]) > GONE):
        sample = np.searchsorted(times, clip.times[frame], side="right") - 1
        others = np.delete(boxes[sample], slot, axis=0)
        if any(overlap(sides[frame], other) > TAKEN for other in others if np.isfinite(other[0])):
            shown[frame] = np.nan
    return shown


def _waiting(times: Floats, seen: Floats) -> Floats:
    """Seconds (F,) from each time to the nearest of those when a person is seen."""
    after = np.searchsorted(seen, times).clip(0, len(seen) - 1)
    before = np.maximum(after - 1, 0)
    return np.asarray(np.minimum(np.abs(seen[after] - times), np.abs(seen[before] - times)))
