"""Bodies that go on beyond the edge of a picture: where their next joints must be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.skeleton import INDEX, Floats

# From shoulders to hips a torso is 0.29 of the height long, a thigh 0.245, a shin as well (Drillis
# and Contini 1966); the joints that trackers report of shoulders are 0.22 apart, of hips 0.13.
TORSO_OF_SHOULDERS, HIPS_OF_SHOULDERS, THIGH_OF_TORSO = 1.3, 0.6, 0.85

# Of a thigh: so far above the picture's lower edge a knee is taken to be beyond it, as trackers put
# hips that are near the edge too high.
NEARLY = 0.25

Flags = NDArray[np.bool_]


def reach_beyond(points: Floats, seen: Flags, shape: tuple[int, ...]) -> tuple[Floats, Flags]:
    """Joints (133, 2) and which of them are known (133,), with those that lie outside a picture.

    Torsos and legs whose end is not seen go on straight, if that leads out of the picture (H, W):
    who is shown down to the chest or to the thighs has a body there.
    """
    points, seen = points.copy(), seen.copy()

    def guess(name: str, place: Floats, margin: float = 0.0) -> None:
        outside = ((place < 0) | (place > (shape[1] - 1, shape[0] - 1 - margin))).any()
        if outside and not seen[INDEX[name]]:
            points[INDEX[name]], seen[INDEX[name]] = place, True

    def known(*names: str) -> list[Floats] | None:
        joints = [INDEX[name] for name in names]
        return list(points[joints]) if seen[joints].all() else None

    if shoulders := known("left_shoulder", "right_shoulder"):
        neck, half = sum(shoulders) / 2, (shoulders[0] - shoulders[1]) / 2
        down = 2 * TORSO_OF_SHOULDERS * np.array([-half[1], half[0]])
        down *= np.copysign(1.0, down[1])  # few stand on their heads
        guess("left_hip", neck + down + HIPS_OF_SHOULDERS * half)
        guess("right_hip", neck + down - HIPS_OF_SHOULDERS * half)
    body = known("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    for side in ("left", "right"):
        if body:
            left_shoulder, right_shoulder, left_hip, right_hip = body
            down = (left_hip + right_hip - left_shoulder - right_shoulder) / 2
            hip = left_hip if side == "left" else right_hip
            thigh = THIGH_OF_TORSO * down
            guess(f"{side}_knee", hip + thigh, NEARLY * float(np.linalg.norm(thigh)))
        if leg := known(f"{side}_hip", f"{side}_knee"):
            guess(f"{side}_ankle", 2 * leg[1] - leg[0])
    return points, seen
