"""Skeletons over the film: whether the tracking is right is seen at a glance."""

from __future__ import annotations

import cv2
import numpy as np

from pose.draw import draw
from pose.skeleton import BODY, VISIBLE, Floats, Frame, PoseSequence

DIM = 0.55  # of the film's brightness, so that the lines stand out
# Frame colours (RGB): nothing measured here, and nothing shown at all.
FILLED, EMPTY = (255, 170, 0), (255, 0, 0)
TEXT = (255, 255, 255)
HEAD = slice(0, 5)  # nose, eyes and ears


def overlay(frame: Frame, poses: PoseSequence, index: int, look: str = "official") -> Frame:
    """One frame of the film with the poses on it and each person's number: (H, W, 3) RGB.

    frame (H, W, 3) RGB, of the poses' size. An orange border marks a frame whose pose was filled
    in, a red one a frame that shows nobody.
    """
    height, width = frame.shape[:2]
    keypoints, scores = poses.frame(index)
    lines = draw(keypoints, scores, (width, height), look=look, source_size=poses.size)
    drawn = lines.any(axis=-1, keepdims=True)
    out = np.where(drawn, lines, (frame * DIM).astype(np.uint8))
    scale = np.array([width, height]) / np.array(poses.size)
    for slot, number in enumerate(poses.ids):
        _number(out, keypoints[slot] * scale, scores[slot], number)
    thick = max(min(width, height) // 80, 2)
    if index in poses.filled or index in poses.empty_frames:
        colour = EMPTY if index in poses.empty_frames else FILLED
        cv2.rectangle(out, (0, 0), (width - 1, height - 1), colour, thick)
    return out


def _number(picture: Frame, points: Floats, scores: Floats, number: int) -> None:
    """The person's number above the head, or above whatever of the body is highest."""
    head = points[HEAD][scores[HEAD] > VISIBLE]
    seen = head if len(head) else points[BODY][scores[BODY] > VISIBLE]
    if not len(seen):
        return
    size = picture.shape[0] / 600
    top = seen[seen[:, 1].argmin()]
    where = np.clip(top - [0, picture.shape[0] / 12], [0, 20], picture.shape[1::-1])
    place = (int(where[0]), int(where[1]))
    for colour, thick in (((0, 0, 0), 4), (TEXT, 2)):
        width = max(round(thick * size), 1)
        cv2.putText(
            picture, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, width, cv2.LINE_AA
        )
