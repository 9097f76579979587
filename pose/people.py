"""All persons of a picture with MediaPipe's Tasks, for estimators that see only one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.backends import Estimate
from pose.backends.bundles import pose_bundle
from pose.backends.mediapipe import BODY_FROM, BODY_TO, is_too_narrow
from pose.errors import BackendError
from pose.likeness import boxes_of, size_of
from pose.quiet import quiet_stderr
from pose.skeleton import COUNT, Floats, Frame

MOST_PEOPLE = 5  # every one costs as much time as the search for all of them
# The detector is made for one large person; of two in a wide picture it is less sure. What it
# takes for a person wrongly, the landmark model refuses.
DETECTION_CONFIDENCE = 0.3
SHARED = 0.5  # of the area of the smaller of two boxes: closer ones show the same person


class PeopleFinder:
    """PoseLandmarker on unrelated pictures: up to MOST_PEOPLE bodies, no hands and no faces.

    Raises BackendError if MediaPipe or its models are missing.
    """

    def __init__(self) -> None:
        bundle = pose_bundle()
        try:
            with quiet_stderr():
                import mediapipe
                from mediapipe.tasks.python import BaseOptions, vision

                self._mediapipe = mediapipe
                options = vision.PoseLandmarkerOptions(
                    base_options=BaseOptions(model_asset_buffer=bundle),
                    num_poses=MOST_PEOPLE,
                    min_pose_detection_confidence=DETECTION_CONFIDENCE,
                )
                self._landmarker: Any = vision.PoseLandmarker.create_from_options(options)
        except Exception as error:  # the graph raises whatever its C++ side makes it
            raise BackendError(
                f"MediaPipe cannot look for several persons ({_reason(error)}): run "
                "`pip install mediapipe==0.10.21` under Python 3.9 to 3.12"
            ) from error

    def find(self, frame: Frame) -> Estimate:
        """Keypoints (P, 133, 2) in pixels, and scores (P, 133) that are 0 beyond the body.

        Raises BackendError.
        """
        if is_too_narrow(frame.shape):
            return np.empty((0, COUNT, 2)), np.empty((0, COUNT))
        image = self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame)
        )
        try:
            with quiet_stderr():
                bodies = self._landmarker.detect(image).pose_landmarks
        except Exception as error:  # see above
            raise BackendError(f"MediaPipe failed to look for persons: {_reason(error)}") from error
        keypoints = np.full((len(bodies), COUNT, 2), np.nan)
        scores = np.zeros((len(bodies), COUNT))
        size = np.array([frame.shape[1], frame.shape[0]])
        for person, marks in enumerate(bodies):
            places = np.array([(mark.x, mark.y) for mark in marks])
            keypoints[person, BODY_TO] = places[BODY_FROM] * size
            scores[person, BODY_TO] = np.array([mark.visibility for mark in marks])[BODY_FROM]
        return keypoints, np.minimum(scores, 1.0)

    def find_in(self, frame: Frame, square: tuple[int, int, int]) -> Estimate:
        """As `find`, in a part of the frame (left, top, side), which may reach beyond it."""
        x, y, side = square
        left, top = max(x, 0), max(y, 0)
        part = frame[top : max(y + side, 0), left : max(x + side, 0)]
        points, values = self.find(part)
        return points + np.array([left, top]), values

    def find_closely(self, frame: Frame) -> Estimate:
        """As `find`, also in square parts of the frame: persons of a quarter of its height.

        It takes several times as long. Who is mostly in front of or behind one who is found
        already is left out: parts of a large person look like others. Raises BackendError.
        """
        keypoints, scores = self.find(frame)
        boxes = boxes_of(keypoints, scores)
        for x, y, side in _squares(frame.shape[1], frame.shape[0]):
            points, values = self.find_in(frame, (x, y, side))
            places = boxes_of(points, values)
            new = _inside(places, (x, y, x + side, y + side), frame)
            new &= np.array([_apart(place, boxes) for place in places], dtype=bool)
            keypoints, scores = (
                np.append(keypoints, points[new], 0),
                np.append(scores, values[new], 0),
            )
            boxes = np.append(boxes, places[new], 0)
        return keypoints, scores

    def close(self) -> None:
        with quiet_stderr():
            self._landmarker.close()


def _squares(width: int, height: int) -> list[tuple[int, int, int]]:
    """Left, top and side of squares that cover a long frame, half over each other."""
    side = min(width, height)
    count = math.ceil(2 * max(width, height) / side) - 1
    places = np.linspace(0, max(width, height) - side, count).astype(int).tolist()
    if count < 2:
        return []  # a frame that is nearly square is its only part
    return [(place, 0, side) if width > height else (0, place, side) for place in places]


def _inside(boxes: Floats, part: tuple[int, int, int, int], frame: Frame) -> NDArray[np.bool_]:
    """Which boxes (P, 4) are not cut off by a part of the frame: its rim cuts off nobody more."""
    height, width = frame.shape[:2]
    low = np.where(np.array(part[:2]) > 0, part[:2], -np.inf)
    high = np.where(np.array(part[2:]) < (width, height), part[2:], np.inf)
    return np.asarray(((boxes[:, :2] > low) & (boxes[:, 2:] < high)).all(axis=1))


def _apart(box: Floats, others: Floats) -> bool:
    """Whether a box (4,) shares less than half of the smaller one's area with each of (P, 4)."""
    both = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    smaller = np.minimum(size_of(box), size_of(others)) ** 2
    return not (np.maximum(both, 0).prod(axis=1) > SHARED * smaller).any()


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
