"""The one painter of all looks: a style and the persons of a frame -> a picture."""

from __future__ import annotations

import math

import cv2
import numpy as np

from pose.looks.canvas import Box, Canvas, Pixels, Point
from pose.looks.style import Layer, Style, Tint
from pose.skeleton import OPENPOSE_BODY, VISIBLE, Floats

FAR = 16.0  # points further away than this many pictures would overflow OpenCV's integers
MOST_SCORE = 1000.0  # larger ones would overflow OpenCV's colours, which end at 255 anyway
LAST_BODY_JOINT = OPENPOSE_BODY.stop - 1
FINGER_JOINTS = np.arange(1, 21).reshape(5, 4)  # of a hand, from the thumb
TURN = np.linspace(0, 2 * np.pi, 48, endpoint=False)
CIRCLE = np.stack([np.cos(TURN), np.sin(TURN)], axis=1)


def paint(style: Style, points: Floats, scores: Floats, size: tuple[int, int]) -> Pixels:
    """Skeletons in one style: (H, W, 3) RGB.

    points (P, 134, 2) in OpenPose's order, in [0, 1] of the picture, NaN = missing; scores
    (P, 134); size = (width, height). In layers with `last_at_threshold` both scores may also be
    exactly the threshold, but then that end is the last body joint of the last person: the row of
    such a joint in the official table is -1.
    """
    with np.errstate(invalid="ignore"):
        near = (np.abs(points) <= FAR).all(axis=-1)
    points = np.where(near[..., None], points, np.nan)
    scores = scores.clip(-MOST_SCORE, MOST_SCORE)
    box = _box(style, points, scores)
    if box is None:
        return np.zeros((size[1], size[0], 3), np.uint8)
    canvas = Canvas(style, size, box)
    people = [_Person(canvas, *person) for person in zip(points, scores, strict=True)]
    for layers in style.passes:
        for person in people:
            for layer in layers:
                _paint_layer(canvas, layer, person, people[-1])
    return canvas.result()


def _box(style: Style, points: Floats, scores: Floats) -> Box | None:
    """Left, top, right, bottom of all joints that may be drawn, None if there are none."""
    used = scores >= style.lowest
    used[-1:, LAST_BODY_JOINT] |= (scores == VISIBLE).any()
    drawn = points[used & np.isfinite(points).all(axis=-1)]
    if not len(drawn):
        return None
    (left, top), (right, bottom) = drawn.min(axis=0).tolist(), drawn.max(axis=0).tolist()
    return left, top, right, bottom


class _Person:
    """Positions on the canvas: exact ones, and those that OpenCV takes; None where missing."""

    def __init__(self, canvas: Canvas, points: Floats, scores: Floats) -> None:
        self.seen = np.isfinite(points).all(axis=-1)
        self.exact = np.where(self.seen[:, None], points, 0.0) * canvas.size
        if canvas.bits:
            # A point at x covers the pixel around x - 0.5: pixel centres are at halves.
            whole = np.rint((self.exact - 0.5) * (1 << canvas.bits)).astype(np.int64)
        else:
            whole = self.exact.astype(np.int64)
        self.places: list[Point | None] = [
            (x, y) if seen else None
            for (x, y), seen in zip(whole.tolist(), self.seen.tolist(), strict=True)
        ]
        self.scores: list[float] = scores.tolist()

    def hand_length(self, wrist: int) -> float:
        """The longest way from the wrist to a fingertip that is seen, in canvas pixels."""
        hand = slice(wrist, wrist + 21)
        where = np.where(self.seen[hand, None], self.exact[hand], np.nan)
        ways = np.concatenate([np.broadcast_to(where[0], (5, 1, 2)), where[FINGER_JOINTS]], axis=1)
        lengths = np.linalg.norm(np.diff(ways, axis=1), axis=-1).sum(axis=1)
        return float(np.nan_to_num(lengths).max())


def _paint_layer(canvas: Canvas, layer: Layer, person: _Person, last: _Person) -> None:
    width = layer.width * canvas.per_unit
    if layer.of_hand:
        wanted = layer.of_hand * person.hand_length(layer.wrist)
        width = min(max(width, wanted), layer.most * canvas.per_unit)
    for (a, b), colour in zip(layer.joints, layer.colours, strict=True):
        first, second = person.scores[a], person.scores[b]
        tail, head = (person, a), (person, b)
        if layer.last_at_threshold:
            if first < VISIBLE or second < VISIBLE:
                continue
            tail = tail if first > VISIBLE else (last, LAST_BODY_JOINT)
            head = head if second > VISIBLE else (last, LAST_BODY_JOINT)
        elif first <= layer.seen_above or second <= layer.seen_above:
            continue
        start, end = tail[0].places[tail[1]], head[0].places[head[1]]
        if start is None or end is None or (layer.inside and min(*start, *end) <= 0):
            continue
        strength = first if layer.shape == "dot" else first * second
        tint = _faded(layer, colour, strength) if layer.fade or layer.shade < 1 else colour
        if layer.shape == "spindle":
            _spindle(canvas, tail[0].exact[tail[1]], head[0].exact[head[1]], width, tint)
        elif layer.shape == "dot":
            canvas.dot(start, width, tint)
        else:
            canvas.line(start, end, width, tint)


def _faded(layer: Layer, colour: Tint, strength: float) -> Tint:
    """A colour as weak as its scores, truncated where the official code does."""
    if layer.fade == "steps":
        steps = int(strength * 255)
        return colour[0] * steps, colour[1] * steps, colour[2] * steps
    if not layer.fade:
        strength = 1.0
    red, green, blue = (int(channel * strength) for channel in colour)
    if layer.shade == 1:
        return red, green, blue
    # Shading follows what the canvas holds, and that ends at 0 and 255.
    red, green, blue = (int(min(max(c, 0), 255) * layer.shade) for c in (red, green, blue))
    return red, green, blue


def _spindle(canvas: Canvas, start: Floats, end: Floats, half_width: float, colour: Tint) -> None:
    """An ellipse from joint to joint."""
    (x0, y0), (x1, y1) = start.tolist(), end.tolist()
    length = ((y0 - y1) ** 2 + (x0 - x1) ** 2) ** 0.5
    angle = math.atan2(y0 - y1, x0 - x1)
    if canvas.bits:
        axes = np.array([length / 2, max(half_width, 0.5)])
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        outline = (start + end - 1) / 2 + CIRCLE * axes @ turn
        canvas.polygon(np.rint(outline * (1 << canvas.bits)).astype(np.int32), colour)
        return
    # The official code truncates everything, the angle to whole degrees.
    centre = (int((x0 + x1) / 2), int((y0 + y1) / 2))
    outline = cv2.ellipse2Poly(
        centre, (int(length / 2), round(half_width)), int(math.degrees(angle)), 0, 360, 1
    )
    canvas.polygon(np.asarray(outline, np.int32), colour)
