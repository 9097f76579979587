"""The hand: finger kinematics in hand coordinates and the 21 joints trackers report.

Hand coordinates: y along the fingers, z out of the palm, x = y cross z; the thumb is at +x on
the right hand and at -x on the left. Lengths are metres of a hand of size 1.
"""

from __future__ import annotations

import numpy as np

from .linalg import Array, turn_about, unit

# Measured in the prototype against MediaPipe Holistic: palm 0.09, middle finger 0.10.
# knuckle as (along, thumbward, palmward), lengths of the three segments
KNUCKLES = np.array(
    [[0.0900, 0.0270, 0.0], [0.0920, 0.0055, 0.0], [0.0870, -0.0150, 0.0], [0.0780, -0.0335, 0.0]]
)
LENGTHS = np.array(
    [[0.043, 0.026, 0.022], [0.047, 0.030, 0.023], [0.043, 0.028, 0.023], [0.034, 0.021, 0.020]]
)
FAN = np.array([1.45, 0.25, -0.75, -1.9])  # how far each finger goes aside per unit of spread
BEND = np.array([1.45, 1.75, 1.10])  # radians of the three joints of a fist
SLACK = np.array([0.06, 0.08, 0.05])  # and of a straight finger
THUMB_BASE = np.array([0.020, 0.022, 0.006])
THUMB_LENGTHS = np.array([0.044, 0.033, 0.029])
SEGMENTS = 15  # 0-2 thumb, then index, middle, ring, little
SEGMENT_LENGTHS = np.concatenate([THUMB_LENGTHS, LENGTHS.reshape(-1)])


def finger_frames(curl: Array, spread: Array, thumb: Array, sign: float) -> tuple[Array, Array]:
    """Frames of the 15 finger segments in hand coordinates.

    curl (N, 4), spread (N,), thumb (N,); `sign` is the side of the thumb on x. Returns starts
    (N, 15, 3) and axes (N, 15, 3, 3) with y along each segment and z on its palm side.
    """
    thumb_start, thumb_axes = _thumb(thumb)
    start, axes = _fingers(curl, spread)
    starts = np.concatenate([thumb_start, start.reshape(-1, 12, 3)], 1)
    matrices = np.concatenate([thumb_axes, axes.reshape(-1, 12, 3, 3)], 1)
    # computed for the right hand; the left is its mirror image in x
    starts = starts * np.array([sign, 1.0, 1.0])
    flip = np.array([sign, 1.0, 1.0])
    matrices = matrices * flip[:, None] * flip[None, :]
    return starts, matrices


def _fingers(curl: Array, spread: Array) -> tuple[Array, Array]:
    aside = spread[:, None] * FAN * (1 - 0.7 * np.clip(curl, 0, 1))
    ahead = np.stack([np.sin(aside), np.cos(aside), 0 * aside], -1)  # (N, 4, 3)
    palm = np.array([0.0, 0.0, 1.0])
    angle = np.cumsum(curl[..., None] * BEND + SLACK, -1)[..., None]  # (N, 4, 3, 1)
    y = np.cos(angle) * ahead[:, :, None] + np.sin(angle) * palm
    z = -np.sin(angle) * ahead[:, :, None] + np.cos(angle) * palm
    steps = y * LENGTHS[..., None]
    base = KNUCKLES[:, [1, 0, 2]]
    start = base[:, None] + np.cumsum(steps, 2) - steps
    return start, np.stack([np.cross(y, z), y, z], -1)


def _thumb(thumb: Array) -> tuple[Array, Array]:
    angle = np.radians(48 - 22 * thumb)
    direction = unit(np.stack([np.sin(angle), np.cos(angle), 0.25 + 0.45 * thumb], -1))
    across = np.broadcast_to(np.array([-0.55, 0.6, 0.5]), direction.shape)
    axis = unit(np.cross(direction, across))
    bends = np.stack([0 * thumb, 0.12 + 0.55 * thumb, 0.22 + 1.30 * thumb], -1)
    y = turn_about(axis[:, None], bends, direction[:, None])  # (N, 3, 3)
    x = np.broadcast_to(-axis[:, None], y.shape)
    steps = y * THUMB_LENGTHS[:, None]
    start = THUMB_BASE[[1, 0, 2]] + np.cumsum(steps, 1) - steps
    return start, np.stack([x, y, np.cross(x, y)], -1)
