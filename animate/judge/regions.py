"""Which pixels show a figure: its silhouette, and its limbs by their keypoints."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.anatomy import body_size
from pose.segment import segment
from pose.skeleton import BODY, INDEX

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Frame = NDArray[np.uint8]


def _limb(first: str, second: str) -> tuple[tuple[int, int], ...]:
    return tuple((INDEX[f"{s}_{first}"], INDEX[f"{s}_{second}"]) for s in ("left", "right"))


# Parts whose colours are compared, from back to front, left and right together.
BONES: dict[str, tuple[tuple[int, int], ...]] = {
    "shin": _limb("knee", "ankle"),
    "thigh": _limb("hip", "knee"),
    "torso": (),
    "upper arm": _limb("shoulder", "elbow"),
    "forearm": _limb("elbow", "wrist"),
    "head": (),
}
PARTS = tuple(BONES)
_TORSO = [INDEX[name] for name in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")]
_FACE = [INDEX[name] for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]
# Half widths in torso lengths. A forearm is 0.05 of the height thick and a torso 0.29 long
# (Drillis and Contini 1966): half of that, to stay inside sleeves of slim figures.
LIMB = 0.06
BODY_ROOM = 0.2  # that a whole figure takes around its bones, where nothing better is known
INSIDE = 0.5  # the segmentation's value on the edge


def paint_parts(points: Floats, seen: Flags, shape: tuple[int, ...], room: float = LIMB) -> Frame:
    """(height, width) uint8: 0, or the place of the part in PARTS plus one.

    points (133, 2) in pixels, seen (133,), shape (height, width); room is the half width of the
    limbs in torso lengths.
    """
    labels: Any = np.zeros(shape, np.uint8)
    seen = seen & np.isfinite(points).all(axis=-1)
    unit = float(body_size(np.where(seen[:, None], points, np.nan)[None, None])[0])
    thick = max(1, round(2 * room * unit))
    spots = np.rint(np.nan_to_num(points).clip(-10_000, 10_000)).astype(np.int32)
    for number, (name, bones) in enumerate(BONES.items(), start=1):
        for ends in bones:
            if seen[list(ends)].all():
                first, last = (spots[end].tolist() for end in ends)
                cv2.line(labels, first, last, (number,), thick)
        corners = _TORSO if name == "torso" else _FACE if name == "head" else []
        known = [corner for corner in corners if seen[corner]]
        if name == "head" and known:
            middle = np.rint(points[known].mean(axis=0)).astype(int).tolist()
            cv2.circle(labels, middle, max(1, round((0.1 + room) * unit)), (number,), -1)
        elif len(known) == 4:
            cv2.fillConvexPoly(labels, spots[known], (number,))
    return np.asarray(labels, np.uint8)


def silhouette(frame: Frame, points: Floats | None = None) -> Flags:
    """Which pixels (H, W) of a frame (H, W, 3) show a figure, by `pose.segment`.

    points (133, 2): without MediaPipe's models their limbs are filled; without either nobody is
    seen.
    """
    certainty = segment(frame)
    if certainty is not None:
        return np.asarray(certainty > INSIDE)
    if points is None:
        return np.zeros(frame.shape[:2], dtype=bool)
    seen = np.isfinite(points).all(axis=-1) & (np.arange(len(points)) < BODY.stop)
    return paint_parts(points, seen, frame.shape[:2], BODY_ROOM) > 0


def silhouettes(frames: NDArray[np.uint8]) -> Flags:
    """(F, H, W) bool of frames (F, H, W, 3), each on its own."""
    return np.stack([silhouette(frame) for frame in frames])
