"""Films that nobody can be followed in, told before hours are spent on them."""

from __future__ import annotations

import numpy as np

from pose.errors import NoPersonError, VideoError
from pose.glimpse import glimpse
from pose.skeleton import Frame
from pose.video import Clip

# Keypoints of so many frames still fit into a file that can be read again (pose.whole); at 25
# frames a second it is 100 minutes.
MOST_FRAMES = 150_000
# A film as long as that takes minutes to follow, and a look all over it costs seconds.
LONG, LOOKS = 5_000, 24
ONE_COLOUR = 8  # of 255: compression makes black no rougher


def check_bounds(clip: Clip) -> None:
    """Raise VideoError for a film with too many frames, NoPersonError for a long one of no picture.

    Only looks at films; pictures in a folder are nobody's trap.
    """
    name, frames = clip.info.path, len(clip)
    if frames > MOST_FRAMES:
        raise VideoError(
            f"{name}: {frames} frames are too many to be followed in one piece, at most "
            f"{MOST_FRAMES}; take fewer (--frames, --stride, --fps), or cut the film up"
        )
    if type(clip) is Clip and frames > LONG and all(map(_one_colour, glimpse(clip, LOOKS))):
        raise NoPersonError(
            f"no person found in {name}: each of the frames looked at, from all over the film, is "
            "of one colour; if somebody is seen in a part of it, cut that part out"
        )


def _one_colour(frame: Frame) -> bool:
    """Whether a frame (H, W, 3) shows nothing."""
    sparse = frame[::4, ::4].reshape(-1, 3).astype(np.int16)
    return bool(np.ptp(sparse, axis=0).max() <= ONE_COLOUR)
