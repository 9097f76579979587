"""Where in a picture the body, the hands and the head are, from keypoints alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.anatomy import body_size
from pose.skeleton import BODY, FACE, INDEX, LEFT_HAND, RIGHT_HAND, VISIBLE, Floats

BODY_PART, HAND_PART, HEAD_PART = 1, 2, 3  # as the renderer numbers them; 0 is the background

# Thickness of limbs, margin around hands and face, and the head's radius, in torso lengths:
# Drillis and Contini's segments, by eye with room for clothes.
LIMB, HAND_MARGIN, FACE_MARGIN, HEAD_RADIUS = 0.32, 0.1, 0.12, 0.32
TORSO = ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
LIMBS = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
)
EARS = slice(3, 5)
MOST_THICKNESS = 32767  # pixels; OpenCV's


def parts_of(keypoints: Floats, scores: Floats, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Part ids (H, W) of persons (P, 133, 2) in pixels of a picture of `size` (width, height)."""
    width, height = size
    parts = np.zeros((height, width), np.uint8)
    known = (scores > VISIBLE) & np.isfinite(keypoints).all(axis=-1)
    lengths = np.maximum(body_size(np.where(known[..., None], keypoints, np.nan)[None]), 1.0)
    people = list(zip(keypoints, known, lengths.tolist(), strict=True))
    for points, seen, torso in people:
        _body(parts, points, seen, torso)
    for points, seen, torso in people:
        _head(parts, points, seen, torso)
    for points, seen, torso in people:  # last: hands in front of a face count as hands
        for hand in (LEFT_HAND, RIGHT_HAND):
            _hull(parts, points[hand][seen[hand]], HAND_MARGIN * torso, HAND_PART)
    return parts


def _body(parts: NDArray[np.uint8], points: Floats, seen: NDArray[np.bool_], torso: float) -> None:
    trunk = [INDEX[name] for name in TORSO if seen[INDEX[name]]]
    _hull(parts, points[trunk], LIMB / 2 * torso, BODY_PART)
    for a, b in LIMBS:
        ends = [INDEX[a], INDEX[b]]
        if seen[ends].all():
            _hull(parts, points[ends], LIMB / 2 * torso, BODY_PART)


def _head(parts: NDArray[np.uint8], points: Floats, seen: NDArray[np.bool_], torso: float) -> None:
    if seen[FACE].sum() > 2:
        _hull(parts, points[FACE][seen[FACE]], FACE_MARGIN * torso, HEAD_PART)
        return
    head = points[BODY][: EARS.stop][seen[: EARS.stop]]
    if len(head):
        _hull(parts, head.mean(axis=0, keepdims=True), HEAD_RADIUS * torso, HEAD_PART)


def _hull(parts: NDArray[np.uint8], points: Floats, margin: float, part: int) -> None:
    """Fill the convex hull of points (N, 2), and so many pixels around it."""
    if not len(points):
        return
    limit = 4.0 * max(parts.shape)  # what lies further outside only overflows cv2's integers
    hull = cv2.convexHull(np.rint(points.clip(-limit, limit)).astype(np.int32))
    cv2.fillConvexPoly(parts, hull, [part])
    thickness = round(min(max(2 * margin, 1.0), MOST_THICKNESS))
    cv2.polylines(parts, [hull], True, [part], thickness=thickness)
