"""What single pictures tell: how blurred they are, and how many letters lie over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.errors import AnimateError

Frame = NDArray[np.uint8]
Floats = NDArray[np.float64]

REBLUR = 9  # pixels; Crete et al., section 2
LOOK_SIDE = 512  # pixels of the short side at which blur and letters are looked for, at most
LEAST_LETTER_SIDE = 384  # pixels of the short side that letters need to be found
SAME_PLACE = 0.5  # intersection over union of two boxes that hold the same letter
# Letters of a line agree in their feet or middles within this part of their height, are not more
# than this factor higher than each other, and not further apart than so many heights; a line has
# so many. Fingers, which look like letters otherwise, fan out.
AGREE, HEIGHTS, GAP, LEAST_IN_LINE = 0.35, 2.5, 6.0, 3


def blur(frame: Frame) -> float:
    """How blurred a picture (H, W, 3) or (H, W) is, from 0 (sharp) to 1, whatever it shows.

    What a further blur takes away, compared with what there is. Crete et al., "The blur effect:
    perception and estimation with a new no-reference perceptual blur metric", SPIE 2007.
    """
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame
    values = np.asarray(grey, dtype=np.float32)
    return max(_blur_along(values, axis) for axis in (0, 1))


def _blur_along(values: NDArray[np.float32], axis: int) -> float:
    kernel = (1, REBLUR) if axis == 0 else (REBLUR, 1)  # cv2: width, height
    steps = np.abs(np.diff(values, axis=axis))
    smooth = np.abs(np.diff(cv2.blur(values, kernel), axis=axis))
    there = float(steps.sum())
    return 1.0 - float(np.maximum(steps - smooth, 0).sum()) / there if there else 1.0


def letters(frames: Sequence[Frame]) -> float | None:
    """How many letters in a line stay in their place over frames (H, W, 3) of one clip.

    Text on clothes or passing signs moves; what is written over a film does not. Of one frame all
    its letters count. None if this OpenCV has no text module. Letters are found by the stroke
    width transform: Epshtein et al., "Detecting text in natural scenes", CVPR 2010.
    """
    if not hasattr(cv2, "text"):
        return None
    found = [_letter_boxes(frame) for frame in frames]
    if len(found) == 1:
        return float(len(found[0]))
    lasting = []
    for place, boxes in enumerate(found):
        others = [other for number, other in enumerate(found) if number != place]
        seen = [
            sum(bool((_overlaps(box, other) > SAME_PLACE).any()) for other in others)
            for box in boxes
        ]
        lasting.append(sum(count * 2 >= len(others) for count in seen))
    return float(np.median(lasting))


def shrink(frame: Frame, side: int) -> Frame:
    """The frame with a short side of at most so many pixels."""
    scale = side / min(frame.shape[:2])
    if scale >= 1:
        return frame
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _letter_boxes(frame: Frame) -> Floats:
    """Left, top, width and height of the letters, dark and light ones, (N, 4)."""
    seen = shrink(frame, LOOK_SIDE)
    factor = LEAST_LETTER_SIDE / min(seen.shape[:2])
    if factor > 1:
        seen = np.asarray(cv2.resize(seen, None, fx=factor, fy=factor), dtype=np.uint8)
    bgr = np.ascontiguousarray(seen[..., ::-1])
    found = []
    find: Any = getattr(getattr(cv2, "text", None), "detectTextSWT", None)
    if find is None:
        raise AnimateError(
            "letters are found by OpenCV's contrib modules, which another OpenCV wheel has written "
            "over: pip install --force-reinstall opencv-contrib-python, or --rule letters=off"
        )
    for dark in (True, False):
        boxes: Any = find(bgr, dark)
        if isinstance(boxes, tuple):  # some versions also give a drawing and the chains
            boxes = boxes[0]
        found.append(np.asarray(boxes, dtype=np.float64).reshape(-1, 4))
    return _in_lines(np.concatenate(found))


def _in_lines(boxes: Floats) -> Floats:
    """Those boxes (N, 4) that stand in a line with others."""
    heights = np.maximum(boxes[:, 3], 1.0)
    taller = np.maximum(heights[:, None], heights)
    same = taller < HEIGHTS * np.minimum(heights[:, None], heights)
    same &= _gaps(boxes[:, 0] + boxes[:, 2] / 2) < GAP * taller
    feet, middles = boxes[:, 1] + heights, boxes[:, 1] + heights / 2
    same &= np.minimum(_gaps(feet), _gaps(middles)) < AGREE * taller
    return np.asarray(boxes[same.sum(axis=1) >= LEAST_IN_LINE])


def _gaps(values: Floats) -> Floats:
    """Distances (N, N) between values (N,)."""
    return np.asarray(np.abs(values[:, None] - values))


def _overlaps(box: Floats, others: Floats) -> Floats:
    """Intersection over union of a box (4,) with each of (N, 4)."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    both = np.maximum(high - low, 0).prod(axis=1)
    union = box[2:].prod() + others[:, 2:].prod(axis=1) - both
    return np.asarray(both / np.maximum(union, 1.0))
