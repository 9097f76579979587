"""Skeleton -> picture: what the control encoder sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.looks.official import draw_official
from pose.looks.soft import draw_soft
from pose.skeleton import COUNT, OPENPOSE_COUNT, clean, insert_neck

LOOKS = {"official": draw_official, "soft": draw_soft}


def draw(
    keypoints: Any,
    scores: Any,
    size: tuple[int, int],
    look: str = "official",
    source_size: tuple[int, int] | None = None,
) -> NDArray[np.uint8]:
    """Draw the persons of one frame on black: (H, W, 3) RGB.

    keypoints (P, 133, 2) in COCO-WholeBody order, or (P, 134, 2) in OpenPose's order with a neck,
    in pixels of a picture of `source_size` (width, height; `size` if not given); scores (P, 133)
    or (P, 134). What is not finite is missing. size = (width, height) of the result; `look` is
    one of LOOKS: "official" is what SVD-ControlNeXt was trained on, "soft" stays readable when
    small. Raises ValueError for an unknown look, a size below 1 or other shapes.
    """
    if look not in LOOKS:
        raise ValueError(f"unknown look {look!r}: expected one of {', '.join(sorted(LOOKS))}")
    if min(size) < 1:
        raise ValueError(f"cannot draw on {size[0]}x{size[1]} pixels: need at least 1x1")
    points, values = clean(keypoints, scores)
    if points.ndim != 3 or points.shape[1] not in (COUNT, OPENPOSE_COUNT):
        raise ValueError(
            f"expected keypoints (P, {COUNT}, 2) or (P, {OPENPOSE_COUNT}, 2), got {points.shape}"
        )
    if points.shape[1] == COUNT:
        points, values = insert_neck(points, values)
    return LOOKS[look](points / np.array(source_size or size), values, size)
