"""Several persons before an estimator that sees one: find them all, then show it only one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pose.backends import Estimate
from pose.errors import BackendError
from pose.glimpse import glimpse
from pose.identity import Person, check_person, choose, link
from pose.likeness import boxes_of, overlap, size_of
from pose.people import PeopleFinder, may_be_several
from pose.skeleton import BODY, VISIBLE, Floats, Frame
from pose.video import Clip

Look = Callable[[Frame], Estimate]

# The quick look at a video of which the largest person is wanted: so many frames, of which so
# many must show several persons. A single one is more often a reflection or a torn detection.
SCOUTED, AGREED = 8, 2
LEAST_JOINTS = 5  # of the 17 of a body; head and shoulders make seven
# If another person is wanted, every so many seconds are looked at, and one such frame is enough.
SCOUT_EVERY = 0.5
LOCATED = 12.5  # times a second; persons move little in between, and fast hands have room
# Room around a person's joints: parts of its size (hands and hair reach beyond), and all that it
# covers within so many seconds, as hands are faster than that.
ROOM, MARGIN = 0.2, 0.25
# Who is not seen for longer (seconds) may be gone: a place that somebody else has is not shown.
GONE, TAKEN = 1.0, 0.3


@dataclass(frozen=True, eq=False)
class Focus:
    """The part of every frame that shows the chosen person, and how many persons there are.

    boxes (F, 4): left, top, right, bottom in pixels, inside the frame, NaN where nothing is to be
    shown; crowd (F,) persons seen; number: the person's, 1 = the most prominent.
    """

    boxes: Floats
    crowd: NDArray[np.int64]
    number: int = 1

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

        The window around all places of the person, blank but for the box where it is now.
        """
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


def find_focus(clip: Clip | Iterable[Frame], person: Person) -> Focus | None:
    """Where the chosen person is in every frame; None if the video shows only one.

    As `find_focuses`; of "all" it gives the most prominent.
    """
    return next(iter(find_focuses(clip, person)), None)


def find_focuses(clip: Clip | Iterable[Frame], person: Person) -> list[Focus]:
    """Where each chosen person is in every frame; nothing if the video shows only one.

    The estimator then has to look at the video once for each. For the largest person a few frames
    that cost little are looked at first, so that videos of one person, the usual ones, are hardly
    delayed. Raises NoPersonError if there is no such person, ValueError for nonsense, and
    BackendError if persons cannot be located and another than the largest is wanted.
    """
    check_person(person)
    if not isinstance(clip, Clip):
        return []  # frames that can be read only once
    usual = person in ("largest", 1)
    step = max(1, round(clip.fps / LOCATED))
    try:
        estimates = _locate(clip, usual, step)
    except BackendError:
        if usual:
            return []
        raise
    times = clip.times[::step][: len(estimates)]
    keypoints, scores = link(estimates, times, clip.size)
    if keypoints.shape[1] < 2:
        return []  # there is nobody to hide
    boxes = boxes_of(keypoints, scores)
    sampled = np.searchsorted(times, clip.times, side="right") - 1
    crowd = np.isfinite(boxes[..., 0]).sum(axis=1)[sampled]
    return [
        Focus(room_for(slot, boxes, times, clip), crowd, slot + 1)
        for slot in choose(keypoints, scores, person)
    ]


def _every(clip: Clip, step: int) -> Clip:
    """Every step-th frame of a clip."""
    sparse = copy(clip)
    sparse.indices, sparse.times = clip.indices[::step], clip.times[::step]
    sparse.fps = clip.fps / step
    return sparse


def _locate(clip: Clip, usual: bool, step: int) -> list[Estimate]:
    """All persons in every step-th frame; nothing if a look at a few frames shows only one."""
    if usual and not may_be_several(glimpse(clip, SCOUTED)):
        return []
    with closing(PeopleFinder()) as finder:
        looks = (finder.find,) if usual else (finder.find, finder.find_closely)
        crowded = _agree if usual else _anywhere
        look = next((look for look in looks if crowded(look, clip)), None)
        return [look(frame) for frame in _every(clip, step)] if look else []


def _agree(look: Look, clip: Clip) -> bool:
    """Whether enough of a few frames show several persons."""
    found = [_several(look, frame) for frame in glimpse(clip, SCOUTED)]
    return sum(found) >= min(AGREED, len(found)) > 0


def _anywhere(look: Look, clip: Clip) -> bool:
    """Whether several persons are seen at any time, looking every so many seconds."""
    frames = _every(clip, max(1, round(clip.fps * SCOUT_EVERY)))
    return any(_several(look, frame) for frame in frames)


def _several(look: Look, frame: Frame) -> bool:
    """Whether a frame surely shows more than one person: doubtful ones and duplicates apart."""
    keypoints, scores = look(frame)
    sure = (scores[:, BODY] > VISIBLE).sum(axis=1) >= LEAST_JOINTS
    size = (frame.shape[1], frame.shape[0])
    return link([(keypoints[sure], scores[sure])], np.zeros(1), size)[0].shape[1] > 1


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
