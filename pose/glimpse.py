"""A few frames from all over a film, without decoding all of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pose.decoder import load_decord
from pose.folders import PictureFolder
from pose.quiet import quiet_stderr
from pose.skeleton import Frame
from pose.video import Clip

# To show a frame, all from the key frame before it must be decoded. At the start of a film with few
# key frames a look may take a tenth of the film, or a second.
PART, SECONDS = 0.1, 1.0
CLOSEST = 0.3  # seconds between frames at the start; nearer ones show the same


def glimpse(clip: Clip, most: int) -> Iterator[Frame]:
    """About so many frames (H, W, 3) of a clip: key frames from all over it, then from its start.

    A film with a single key frame is only seen at its start, a folder of pictures evenly. A damaged
    film ends early.
    """
    if isinstance(clip, PictureFolder):
        yield from (clip[place] for place in np.linspace(0, len(clip) - 1, most).astype(int))
        return
    decord = load_decord()
    try:
        with quiet_stderr():
            reader = decord.VideoReader(str(clip.info.path))
        keys = np.asarray(reader.get_key_indices(), dtype=np.int64)
        position = 0
        for number in pick(clip, keys, most):
            key = keys[: np.searchsorted(keys, number, side="right")].max(initial=0)
            with quiet_stderr():
                if key > position:
                    reader.seek(int(key))
                    position = int(key)
                if number > position:
                    reader.skip_frames(number - position)
                frame = reader.next().asnumpy()
            position = number + 1
            yield _without_padding(frame)
    except (decord.DECORDError, RuntimeError, StopIteration):
        return


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


def _without_padding(frame: Frame) -> Frame:
    """(H, W, 3): decord takes padding at the end of narrow rows for further channels."""
    height, width, channels = frame.shape
    if channels == 3:
        return frame
    rows = frame.reshape(height, -1)[:, : width * 3]
    return np.ascontiguousarray(rows).reshape(height, width, 3)
