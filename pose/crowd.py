"""Several persons before an estimator that sees one: find them all, then show it only one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from copy import copy

import numpy as np

from pose.afar import find_close_up, is_afar
from pose.backends import Estimate
from pose.errors import BackendError
from pose.focus import Focus, room_for
from pose.glance import glance
from pose.glimpse import glimpse
from pose.identity import Person, check_person, choose, link
from pose.likeness import boxes_of
from pose.people import PeopleFinder
from pose.skeleton import BODY, VISIBLE, Frame
from pose.video import Clip

Look = Callable[[Frame], Estimate]
Progress = Callable[[int, int], None]  # (frames done, frames in all)

# The quick look at a video of which the largest person is wanted: so many frames, of which so
# many must show several persons. A single one is more often a reflection or a torn detection.
SCOUTED, AGREED = 8, 2
LEAST_JOINTS = 5  # of the 17 of a body; head and shoulders make seven
# If another person is wanted, every so many seconds are looked at, and one such frame is enough.
SCOUT_EVERY = 0.5
LOCATED = 12.5  # times a second; persons move little in between, and fast hands have room


def find_focus(clip: Clip | Iterable[Frame], person: Person) -> Focus | None:
    """Where the chosen person is in every frame; None if the video shows only one.

    As `find_focuses`; of "all" it gives the most prominent.
    """
    return next(iter(find_focuses(clip, person)), None)


def find_focuses(
    clip: Clip | Iterable[Frame], person: Person, progress: Progress | None = None
) -> list[Focus]:
    """Where each chosen person is in every frame; nothing if the video shows only one, and close.

    The estimator then has to look at the video once for each. For the largest person a few frames
    that cost little are looked at first, so that videos of one person, the usual ones, are hardly
    delayed. progress(done, total) is called as frames are looked at, if all must be. Raises
    NoPersonError if there is no such person, ValueError for nonsense, and
    BackendError if persons cannot be located and another than the largest is wanted.
    """
    check_person(person)
    if not isinstance(clip, Clip):
        return []  # frames that can be read only once
    usual, step = person in ("largest", 1), _step(clip)

    def tell(looks: int) -> None:
        if progress:
            progress(min(looks * step, len(clip)), len(clip))

    try:
        if not usual:
            return _of_several(clip, person, usual, tell)
        heights = glance(glimpse(clip, SCOUTED))
        several = heights is None or any(len(seen) > 1 for seen in heights)
        focuses = _of_several(clip, person, usual, tell) if several else []
        if focuses or heights is None or not is_afar(heights):
            return focuses
        close_up = find_close_up(clip, glimpse(clip, SCOUTED), _every(clip, step), tell)
        return [] if close_up is None else [close_up]
    except BackendError:
        if usual:
            return []
        raise


def _of_several(
    clip: Clip, person: Person, usual: bool, tell: Callable[[int], None]
) -> list[Focus]:
    estimates = _locate(clip, usual, tell)
    times = clip.times[:: _step(clip)][: len(estimates)]
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


def _step(clip: Clip) -> int:
    return max(1, round(clip.fps / LOCATED))


def _every(clip: Clip, step: int) -> Clip:
    """Every step-th frame of a clip."""
    sparse = copy(clip)
    sparse.indices, sparse.times = clip.indices[::step], clip.times[::step]
    sparse.fps = clip.fps / step
    return sparse


def _locate(clip: Clip, usual: bool, tell: Callable[[int], None]) -> list[Estimate]:
    """All persons in every few frames; nothing if a look at some of them shows only one."""
    with closing(PeopleFinder()) as finder:
        looks = (finder.find,) if usual else (finder.find, finder.find_closely)
        crowded = _agree if usual else _anywhere
        look = next((look for look in looks if crowded(look, clip)), None)
        estimates: list[Estimate] = []
        if look is not None:
            for frame in _every(clip, _step(clip)):
                estimates.append(look(frame))
                tell(len(estimates))
        return estimates


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
