"""MediaPipe Holistic (0.10): one person, offline, its models come with the wheel.

Where Holistic loses a hand, MediaPipe's hand model looks again around the wrist.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pose.backends.hand_search import Found, mend_hands
from pose.errors import BackendError
from pose.quiet import quiet_stderr
from pose.skeleton import COUNT, FACE, INDEX, LEFT_HAND, RIGHT_HAND, Floats, Frame

# BlazePose's 33 landmarks (developers.google.com/mediapipe/solutions/vision/pose_landmarker)
# that COCO-WholeBody has too. "Foot index" is the tip of the foot at the big toe; the model
# knows no small toe, so these two keypoints stay missing.
BLAZEPOSE = {
    "nose": 0,
    "left_eye": 2,
    "right_eye": 5,
    "left_ear": 7,
    "right_ear": 8,
    "left_shoulder": 11,
    "right_shoulder": 12,
    "left_elbow": 13,
    "right_elbow": 14,
    "left_wrist": 15,
    "right_wrist": 16,
    "left_hip": 23,
    "right_hip": 24,
    "left_knee": 25,
    "right_knee": 26,
    "left_ankle": 27,
    "right_ankle": 28,
    "left_heel": 29,
    "right_heel": 30,
    "left_big_toe": 31,
    "right_big_toe": 32,
}
BODY_TO = np.array([INDEX[name] for name in BLAZEPOSE])
BODY_FROM = np.array(list(BLAZEPOSE.values()))

# The 68 iBUG face points on MediaPipe's 468-point mesh: for each the vertex of the same meaning
# on the contours (oval, brows, eyes, lips) of MediaPipe's face_mesh_connections and canonical
# face model. Brows, eyes and lips are those of the table in general use (for example LatentSync
# 1.5's image_processor); the ends of jaw and brows and the nostrils are taken from the contours.
FACE_MESH = np.array(
    [
        *(127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356),  # jaw
        *(70, 63, 105, 66, 107),  # right brow
        *(336, 296, 334, 293, 300),  # left brow
        *(168, 197, 5, 4),  # bridge of the nose
        *(98, 97, 2, 326, 327),  # nostrils
        *(33, 160, 158, 133, 153, 144),  # right eye
        *(362, 385, 387, 263, 373, 380),  # left eye
        *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # outer lips
        *(78, 82, 13, 312, 308, 317, 14, 87),  # inner lips
    ]
)

# Holistic reports a hand or a face only when it is sure of one, and does not say how sure.
PART_SCORE = 0.9
COMPLEXITY = 1  # the body model in the wheel; 0 and 2 would have to be downloaded
# The palm detector's threshold in a crop that surely shows an arm (MediaPipe's default is 0.5), and
# that of the hand model: what they find must still fit the arm.
PALM_SCORE, HAND_SCORE = 0.2, 0.3
LEAST_SIDE = 16  # pixels; in a smaller frame nobody can be seen
ELONGATED = 20  # nor in one so many times as long as wide; its graphs abort the program at 32
BLANK = np.zeros((64, 64, 3), np.uint8)


def is_too_narrow(shape: tuple[int, ...]) -> bool:
    """Whether nobody can be seen in a picture (H, W, ...) so small or so elongated."""
    short, long = sorted(shape[:2])
    return short < LEAST_SIDE or long > ELONGATED * short


class MediaPipeBackend:
    """Holistic as a Backend: at most one person a frame.

    static: look for the person anew in every frame instead of following it. Raises BackendError
    if MediaPipe is missing or cannot start.
    """

    name = "mediapipe"
    single = True

    def __init__(self, *, static: bool = False) -> None:
        try:
            with quiet_stderr():
                import mediapipe

                self._solutions: Any = mediapipe.solutions
                self.version = str(mediapipe.__version__)
                _ = self._solutions.holistic
        except (ImportError, AttributeError) as error:
            raise BackendError(
                "MediaPipe with its Holistic solution is not installed: run "
                "`pip install mediapipe==0.10.21` under Python 3.9 to 3.12"
            ) from error
        self._static = static
        self._closed = False
        self._looked_in_vain = False  # for hands, in the last frame
        self._holistic: Any = None
        self._hands: Any = None
        self._open()

    def estimate(self, frame: Frame) -> tuple[Floats, Floats]:
        if self._closed:
            raise BackendError("this MediaPipe backend is closed; open another one")
        if is_too_narrow(frame.shape):
            return np.empty((0, COUNT, 2)), np.empty((0, COUNT))
        frame = np.ascontiguousarray(frame)
        try:
            with quiet_stderr():
                found = self._holistic.process(frame)
        except Exception as error:  # the graph raises whatever its C++ side makes it
            raise BackendError(f"MediaPipe failed on a frame: {_first_line(error)}") from error
        keypoints, scores = wholebody(found, (frame.shape[1], frame.shape[0]))
        # Looking in vain for a hidden hand takes as long as all the rest: in films every other
        # frame has to do. A gap of one frame is filled from its neighbours later.
        rest, self._looked_in_vain = self._looked_in_vain and not self._static, False
        for points, values in zip(keypoints, scores, strict=True):
            mend_hands(frame, points, values, _find_none if rest else self.find_hands)
        return keypoints, scores

    def close(self) -> None:
        self._closed = True
        graphs = [graph for graph in (self._holistic, self._hands) if graph is not None]
        self._holistic = self._hands = None
        with quiet_stderr():
            for graph in graphs:
                graph.close()

    def _open(self) -> None:
        try:
            with quiet_stderr():
                self._holistic = _warm(
                    self._solutions.holistic.Holistic(
                        static_image_mode=self._static,
                        model_complexity=COMPLEXITY,
                        smooth_landmarks=False,  # its filter lags; pose.smooth looks both ways
                    )
                )
        except Exception as error:  # see above
            raise BackendError(f"MediaPipe cannot start: {_first_line(error)}") from error

    def find_hands(self, crop: Frame) -> Found:
        """The hands (21, 2), in [0, 1], in a square crop, each with its certainty.

        The hand model, which is loaded when it is first needed, does not know the arm: certain is
        which side's hand it is.
        """
        try:
            with quiet_stderr():
                self._hands = self._hands or self._open_hands()
                found = self._hands.process(crop)
        except Exception as error:  # see above
            raise BackendError(f"MediaPipe failed on a hand: {_first_line(error)}") from error
        self._looked_in_vain = not found.multi_hand_landmarks
        if self._looked_in_vain:
            return []
        return [
            (_positions(hand.landmark), PART_SCORE * side.classification[0].score)
            for hand, side in zip(found.multi_hand_landmarks, found.multi_handedness, strict=True)
        ]

    def _open_hands(self) -> Any:
        return _warm(
            self._solutions.hands.Hands(
                static_image_mode=True,
                min_detection_confidence=PALM_SCORE,
                min_tracking_confidence=HAND_SCORE,
            )
        )


def _find_none(crop: Frame) -> Found:
    return []


def _warm(graph: Any) -> Any:
    """Let a graph load its models now: it reports them from its own threads while it does."""
    graph.process(BLANK)
    return graph


def open_mediapipe(static: bool) -> MediaPipeBackend:
    """The opener that the registry calls."""
    return MediaPipeBackend(static=static)


def wholebody(found: Any, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Holistic's result as keypoints (P, 133, 2) in pixels and scores (P, 133); P is 0 or 1.

    found has pose_landmarks, left_hand_landmarks, right_hand_landmarks and face_landmarks, each
    None or a list of landmarks in [0, 1]. Left and right are the person's own on both sides.
    """
    if found.pose_landmarks is None:
        return np.empty((0, COUNT, 2)), np.empty((0, COUNT))
    keypoints = np.full((COUNT, 2), np.nan)
    scores = np.zeros(COUNT)
    body = found.pose_landmarks.landmark
    keypoints[BODY_TO] = _positions(body)[BODY_FROM]
    scores[BODY_TO] = np.array([mark.visibility for mark in body])[BODY_FROM]
    for part, marks in ((LEFT_HAND, found.left_hand_landmarks),
                        (RIGHT_HAND, found.right_hand_landmarks)):  # fmt: skip
        if marks is not None:
            keypoints[part] = _positions(marks.landmark)
            scores[part] = PART_SCORE
    if found.face_landmarks is not None:
        keypoints[FACE] = _positions(found.face_landmarks.landmark)[FACE_MESH]
        scores[FACE] = PART_SCORE
    keypoints *= size
    return keypoints[None], np.minimum(scores, 1.0)[None]


def _positions(marks: Any) -> Floats:
    return np.array([(mark.x, mark.y) for mark in marks], dtype=np.float64)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
