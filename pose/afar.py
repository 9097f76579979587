"""A person far away: found in parts of the picture, and then shown close."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from pose.focus import Focus, room_for
from pose.likeness import boxes_of, overlap, size_of
from pose.people import PeopleFinder
from pose.skeleton import BODY, VISIBLE, Floats, Frame
from pose.video import Clip

# MediaPipe's detector sees pictures at 224 pixels: of a dancer half as high as a square picture it
# sees every frame, of one of 0.37 of that one in six is lost, of one of 0.25 all. Where most of a
# few frames show nobody as large as NEAR, the parts of the picture are looked at, half over each
# other and ever smaller, until somebody fills one. scripts/bench_pose_afar.py says what it gives.
NEAR = 0.38
PARTS, LEAST_PART = (1.0, 0.5, 0.25), 160  # sides of parts, of the shorter side; in pixels
LEAST_JOINTS = 9  # of 17: more than half of a body, as parts of things look like some of it
# Shown in squares of so many of its own sides, a person is found again where it was: its boxes
# share 0.5 and more of their union. Of a Mandelbrot set's 20 persons one is, in a single square.
CLOSER, SAME = (1.5, 2.6), 0.4
FILLED = 1.6  # sides of a part that somebody fills well, in the person's own
AROUND = 2.2  # sides of the square in which a person is looked for again, in its own
PAUSE, LONGEST_PAUSE = 0.5, 2.0  # seconds between searches of the whole picture; it doubles
LEAST_SEEN = 0.1  # of the frames that were looked at; who is seen in fewer is none
CALM = 1.0  # seconds over which the view's place and side are averaged

Square = tuple[int, int, int]  # left, top, side


def is_afar(heights: list[list[float]]) -> bool:
    """Whether frames with persons so high (see `pose.glance`) show mostly none, or small ones."""
    near = sum(max(seen, default=0.0) >= NEAR for seen in heights)
    return near * 2 < max(sum(map(bool, heights)), 1)


def find_close_up(
    clip: Clip, few: Iterable[Frame], sparse: Clip, tell: Callable[[int], None]
) -> Focus | None:
    """A view of the largest person far away, which goes along; None if nobody is found.

    few: some frames of the clip; sparse: the frames in which it is to be looked for; tell is called
    with the number of those that are done. Raises BackendError.
    """
    with closing(PeopleFinder()) as finder:
        side = max((_fitting_part(finder, frame) for frame in few), default=0)
        if not side:
            return None  # nobody in any of them
        boxes = np.stack(list(_follow(finder, sparse, side, tell)))
    times = sparse.times[: len(boxes)]
    seen = np.isfinite(boxes[:, 0])
    if seen.mean() < LEAST_SEEN:
        return None
    squares = _squares_around(room_for(0, boxes[:, None], times, clip), clip.fps)
    sampled = np.searchsorted(times, clip.times, side="right") - 1
    return Focus(squares, seen[sampled].astype(np.int64), close=True)


def parts_of(width: int, height: int, side: int) -> list[Square]:
    """Squares of a side that cover a picture, half over each other."""
    rows, columns = (
        np.linspace(0, length - side, max(math.ceil(2 * length / side) - 1, 1)).astype(int)
        for length in (height, width)
    )
    return [(int(x), int(y), side) for y in rows for x in columns]


def find_square(picture: Frame) -> Square | None:
    """The square around the largest person far away in a picture, which may reach beyond it.

    Raises BackendError.
    """
    with closing(PeopleFinder()) as finder:
        box = _most_like(_largest_seen(finder, picture)[0], None)
    return None if box is None else _square_around(box, FILLED)


def _largest_seen(finder: PeopleFinder, frame: Frame) -> tuple[Floats, int]:
    """The boxes (P, 4) of the persons in the largest parts in which any are seen; those' side."""
    height, width = frame.shape[:2]
    for share in PARTS:
        side = round(share * min(width, height))
        if side >= LEAST_PART and len(boxes := _search(finder, frame, side)):
            return boxes, side
    return np.empty((0, 4)), 0


def _fitting_part(finder: PeopleFinder, frame: Frame) -> int:
    """The side of parts of a frame that the largest person in it fills well; 0 for nobody."""
    boxes, side = _largest_seen(finder, frame)
    return min(side, round(FILLED * float((boxes[:, 2:] - boxes[:, :2]).max(initial=0.0))))


def _follow(
    finder: PeopleFinder, sparse: Clip, side: int, tell: Callable[[int], None]
) -> Iterator[Floats]:
    """The box (4,) of one person in every frame, NaN where it is not seen."""
    last: Floats | None = None
    due, pause = -math.inf, PAUSE
    for number, (time, frame) in enumerate(zip(sparse.times, sparse, strict=False)):
        box = None if last is None else _again(finder, frame, last)
        if box is None and time >= due:
            box = _most_like(_search(finder, frame, side), last)
            due, pause = time + pause, min(2 * pause, LONGEST_PAUSE)
        if box is None:
            yield np.full(4, np.nan)
        else:
            yield box
            last, due, pause = box, -math.inf, PAUSE
        tell(number + 1)


def _search(finder: PeopleFinder, frame: Frame, side: int) -> Floats:
    """The boxes (P, 4) of all who are surely seen in some part of a frame."""
    parts = parts_of(frame.shape[1], frame.shape[0], side)
    boxes = np.concatenate([_boxes(finder, frame, part) for part in parts])
    return boxes[[_is_somebody(finder, frame, box) for box in boxes]]


def _is_somebody(finder: PeopleFinder, frame: Frame, box: Floats) -> bool:
    looks = (_around(finder, frame, box, sides) for sides in CLOSER)
    return all(max((overlap(box, one) for one in look), default=0.0) >= SAME for look in looks)


def _again(finder: PeopleFinder, frame: Frame, last: Floats) -> Floats | None:
    """The box of who was last seen there."""
    boxes = _around(finder, frame, last, AROUND)
    near = [box for box in boxes if overlap(box, last) > 0]
    return _most_like(np.array(near), last) if near else None


def _around(finder: PeopleFinder, frame: Frame, box: Floats, sides: float) -> Floats:
    """The boxes (P, 4) of all in the square of so many sides of a box around it."""
    return _boxes(finder, frame, _square_around(box, sides))


def _square_around(box: Floats, sides: float) -> Square:
    side = max(round(sides * float(np.max(box[2:] - box[:2]))), 1)
    left, top = np.rint((box[:2] + box[2:]) / 2 - side / 2).astype(int)
    return int(left), int(top), side


def _most_like(boxes: Floats, last: Floats | None) -> Floats | None:
    """The largest of some boxes (P, 4), or the one that is most where somebody was."""
    if not len(boxes):
        return None
    shared = np.array([0.0 if last is None else overlap(box, last) for box in boxes])
    best: Floats = boxes[np.lexsort((size_of(boxes), shared))[-1]]
    return best


def _boxes(finder: PeopleFinder, frame: Frame, part: Square) -> Floats:
    keypoints, scores = finder.find_in(frame, part)
    sure = (scores[:, BODY] > VISIBLE).sum(axis=1) >= LEAST_JOINTS
    return boxes_of(keypoints[sure], scores[sure])


def _squares_around(boxes: Floats, fps: float) -> Floats:
    """Squares (F, 4) that hold the boxes (F, 4), and move and grow evenly."""
    reach = max(1, round(CALM / 2 * fps))
    low, high = _windows(boxes[:, :2], reach), _windows(boxes[:, 2:], reach)
    middle = (low + high).mean(axis=-1) / 2
    sides = (high - low).max(axis=1)  # (F, 2 * reach + 1)
    side = _windows(sides.max(axis=-1)[:, None], reach).mean(axis=-1)
    squares: Floats = np.concatenate([middle - side / 2, middle + side / 2], axis=1)
    return squares


def _windows(values: Floats, reach: int) -> NDArray[np.float64]:
    """(F, K) -> (F, K, 2 * reach + 1): what is around each frame."""
    around = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(around, 2 * reach + 1, axis=0)
