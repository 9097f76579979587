"""Skeleton -> picture: what the control encoder sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.looks.official import DIRECT, FINGERS, OFFICIAL
from pose.looks.openpose import OPENPOSE
from pose.looks.painter import paint
from pose.looks.soft import SOFT
from pose.looks.style import Style
from pose.skeleton import COUNT, OPENPOSE_COUNT, clean, insert_neck

LOOKS: dict[str, Style] = {
    "official": OFFICIAL,  # what SVD-ControlNeXt was trained on
    "soft": SOFT,  # what the embedded model was trained on; stays readable when small
    "openpose": OPENPOSE,  # for ControlNets of SD 1.5 and SDXL
    "mimicmotion": OFFICIAL,  # the official drawing is MimicMotion's
    "fingers": FINGERS,  # the official body, with thick hands on top
    "direct": DIRECT,  # the official colours, antialiased at the final size
}


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
    one of LOOKS. Raises ValueError for an unknown look, a size below 1 or other shapes.
    """
    if look not in LOOKS:
        raise ValueError(f"unknown look {look!r}: expected one of {', '.join(sorted(LOOKS))}")
    for width, height in (size, source_size or size):
        if min(width, height) < 1:
            raise ValueError(f"cannot draw on {width}x{height} pixels: need at least 1x1")
    points, values = clean(keypoints, scores)
    if points.ndim != 3 or points.shape[1] not in (COUNT, OPENPOSE_COUNT):
        raise ValueError(
            f"expected keypoints (P, {COUNT}, 2) or (P, {OPENPOSE_COUNT}, 2), got {points.shape}"
        )
    if points.shape[1] == COUNT:
        with np.errstate(over="ignore"):  # the middle of huge shoulders
            points, values = insert_neck(points, values)
    return paint(LOOKS[look], points / np.array(source_size or size), values, size)
