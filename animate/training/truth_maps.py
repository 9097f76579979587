"""Control maps made of what the renderer knows, as the annotators make them of pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.annotators.edges import canny
from animate.training.batches import track_like
from animate.training.portraits import Portraits
from pose.draw import draw
from pose.skeleton import FACE, LEFT_HAND, RIGHT_HAND

Frame = NDArray[np.uint8]  # (H, W, 3) RGB

# How skeletons come: mostly in the look of the encoder's settings, which stays readable when
# small; also as OpenPose and its editors draw them, without hands and face.
LOOK, OTHER_LOOK, OTHER_SHARE, BODY_ONLY = "soft", "openpose", 0.2, 0.15
# What selfie segmentation does to an outline: pixels of blur, and certainty from which on.
MASK_BLUR, MASK_LEVEL = (0.4, 1.6), (0.4, 0.6)
# What depth estimators do: the wall nearer or farther than it is, a floor that comes towards the
# viewer, and pixels of blur.
WALL, FLOOR_SHARE, DEPTH_BLUR = (0.8, 2.0), 0.4, (0.3, 1.2)


def truth_map(
    kind: str, portraits: Portraits, index: int, rng: np.random.Generator | None = None
) -> Frame:
    """The map (H, W, 3) of one portrait; with a generator with the faults of annotators."""
    if kind == "pose":
        return _pose(portraits, index, rng)
    if kind == "canny":
        return canny(portraits.frames[index])
    if kind == "depth":
        return _depth(portraits.depth[index], portraits.parts[index] == 0, rng)
    if kind == "mask":
        return _mask(portraits.parts[index] > 0, rng)
    raise ValueError(f"no map of the kind {kind!r} is made from the renderer's truth")


def _pose(portraits: Portraits, index: int, rng: np.random.Generator | None) -> Frame:
    points, scores = portraits.keypoints[index], portraits.scores[index]
    look = LOOK
    if rng is not None:
        points, scores = track_like(points, scores, min(portraits.size), rng)
        look = OTHER_LOOK if rng.random() < OTHER_SHARE else LOOK
        if rng.random() < BODY_ONLY:
            for part in (FACE, LEFT_HAND, RIGHT_HAND):
                scores[part] = 0.0
    return draw(points[None], scores[None], portraits.size, look=look)


def _depth(
    metres: NDArray[np.float16], behind: NDArray[np.bool_], rng: np.random.Generator | None
) -> Frame:
    near: NDArray[np.float32] = 1.0 / metres.astype(np.float32)
    if rng is not None:
        near[behind] /= rng.uniform(*WALL)
        if rng.random() < FLOOR_SHARE:
            ramp = np.linspace(-1.0, 1.0, len(near), dtype=np.float32).clip(0)[:, None]
            front = float(near.max())
            floor = near + ramp * (front - near) * rng.uniform(0.2, 0.9)
            near = np.where(behind, floor, near)
        near = _blurred(near, rng.uniform(*DEPTH_BLUR))
    low, high = float(near.min()), float(near.max())
    grey = np.rint((near - low) * (255.0 / max(high - low, 1e-6))).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _mask(figure: NDArray[np.bool_], rng: np.random.Generator | None) -> Frame:
    sure = figure.astype(np.float32)
    level = 0.5
    if rng is not None:
        sure = _blurred(sure, rng.uniform(*MASK_BLUR))
        level = rng.uniform(*MASK_LEVEL)
    white = np.where(sure > level, 255, 0).astype(np.uint8)
    return np.repeat(white[..., None], 3, axis=2)


def _blurred(values: NDArray[np.float32], pixels: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), pixels), dtype=np.float32)
