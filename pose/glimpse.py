"""A few frames from all over a film, without decoding all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from pose.decoder import load_decord
from pose.errors import VideoError
from pose.ffmpeg import read_frames, read_key_frame
from pose.folders import PictureFolder
from pose.quiet import quiet_stderr
from pose.skeleton import Floats, Frame
from pose.sniff import explain_unreadable
from pose.video import Clip, shown_first

# To show a frame, all from the key frame before it must be decoded. At the start of a film with few
# key frames a look may take a tenth of the film, or a second.
PART, SECONDS = 0.1, 1.0
CLOSEST = 0.3  # seconds between frames at the start; nearer ones show the same


def glimpse(clip: Clip, most: int) -> Iterator[Frame]:
    """About so many frames (H, W, 3) of a clip: key frames from all over it, then from its start.

    A film with a single key frame is only seen at its start, a folder of pictures evenly. A damaged
    film ends early. One frame is held at a time, however long the film is.
    """
    if isinstance(clip, PictureFolder):
        yield from (clip[place] for place in np.linspace(0, len(clip) - 1, most).astype(int))
        return
    keys, times = key_frames(clip)
    picked = pick(clip, keys, most)
    early = [number for number in picked if number <= max(set(picked).difference(keys), default=0)]
    yield from _first_ones(clip, early)
    # The first key frame is frame 0, whether the file says so or not.
    for number in picked[len(early) :]:
        margin = 0.5 / clip.info.fps  # of rounding
        frame = read_key_frame(clip.info.file, float(times[keys == number][0]) - margin)
        if frame is not None:
            yield frame


def key_frames(clip: Clip) -> tuple[NDArray[np.int64], Floats]:
    """The numbers (K,) of a film's key frames, and when they start, in seconds."""
    decord = load_decord()
    try:
        with quiet_stderr():
            reader = decord.VideoReader(str(clip.info.file))
            keys = np.asarray(reader.get_key_indices(), dtype=np.int64)
            starts = np.asarray(reader.get_frame_timestamp(range(len(reader))))[:, 0]
    except (decord.DECORDError, RuntimeError) as error:
        raise VideoError(explain_unreadable(clip.info.path)) from error
    first = shown_first(starts)
    keys = keys[keys >= first]
    return keys - first, starts[keys]


def _first_ones(clip: Clip, numbers: list[int]) -> Iterator[Frame]:
    """The frames of these numbers, which are near the start, read one after the other."""
    with closing(read_frames(clip.info.file)) as frames:
        for number in range(max(numbers, default=-1) + 1):
            frame = next(frames, None)
            if frame is None:
                return
            if number in numbers:
                yield frame


def pick(clip: Clip, keys: NDArray[np.int64], most: int) -> list[int]:
    """Which frames of the file to look at, in order; keys: the numbers of its key frames."""
    first, last = int(clip.indices[0]), int(clip.indices[-1])
    keys = np.append(first, keys[(keys > first) & (keys <= last)])
    wanted = np.linspace(first, last, most)
    nearest = keys[np.abs(keys - wanted[:, None]).argmin(axis=1)]
    picked = {first, *nearest[np.abs(nearest - wanted) <= (last - first) / most].tolist()}
    budget = max(PART * (last - first), SECONDS * clip.info.fps)
    step = max(1, round(CLOSEST * clip.info.fps))
    early = range(first, min(last, first + round(budget)) + 1, step)
    return sorted(picked.union(early[: max(0, most - len(picked) + 1)]))
