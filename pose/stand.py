"""Legs that a film never shows stand on the reference's floor.

Hung on hips that sway and bounce, stiff legs would swing their feet over the floor. The feet keep
to the slow way of the figure instead, and the legs give way as knees do that bend to the viewer.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pose.skeleton import INDEX, Floats

Flags = NDArray[np.bool_]

CALM = 1.0  # seconds: what is faster than that the legs take up, the rest moves the figure
# A knee that bends by 45 degrees shortens its leg by a twelfth, by 60 degrees by an eighth.
MOST = 0.12  # of the leg's length that it gives way
KNEES, ANKLES = (
    np.array([INDEX[f"left_{joint}"], INDEX[f"right_{joint}"]]) for joint in ("knee", "ankle")
)
FEET = np.array([INDEX[name] for name in INDEX if name.endswith(("ankle", "heel", "toe"))])


def stand(points: Floats, hung: Flags, reference: Floats, times: Floats) -> None:
    """Put a person (F, 133, 2) whose ankles are hung on the reference's floor, in place.

    hung (133,): the joints that are as in the reference (133, 2) in all frames. times (F,) seconds.
    """
    feet = points[:, ANKLES].mean(axis=1)
    known = np.flatnonzero(np.isfinite(feet).all(axis=-1))
    if not len(known):
        return
    frames = np.arange(len(points))
    way = np.stack([np.interp(frames, known, feet[known, axis]) for axis in (0, 1)], axis=-1)
    slow = _slow(way, times)
    give = slow - way
    leg = 2 * np.linalg.norm(reference[ANKLES] - reference[KNEES], axis=-1).max()  # hips may hide
    length = np.linalg.norm(give, axis=-1, keepdims=True)
    give *= np.minimum(1.0, MOST * leg / np.maximum(length, 1e-9))
    for joints, share in ((KNEES, 0.5), (FEET, 1.0)):
        points[:, joints[hung[joints]]] += share * give[:, None]
    points[..., 1] += reference[ANKLES, 1].mean() - slow[:, 1:]


def _slow(way: Floats, times: Floats) -> Floats:
    """A way (F, 2) without what goes to and fro within CALM."""
    if len(way) < 2:
        return way
    pace = max(float(np.median(np.diff(times))), 1e-3)
    reach = min(round(CALM / 2 / pace), len(way) - 1)
    # Odd at both ends, so that a way that goes straight on stays as it is.
    padded = np.pad(way, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    return np.asarray(sliding_window_view(padded, 2 * reach + 1, axis=0).mean(axis=-1))
