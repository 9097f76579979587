"""The persons in a single picture, a reference for example."""

from __future__ import annotations

import cv2
import numpy as np

from pose.afar import find_square
from pose.backends import Backend, Estimate, backend_for, sees_one
from pose.errors import BackendError, NoPersonError
from pose.skeleton import BODY, VISIBLE, Frame, PoseSequence

View = tuple[float, float, float, float]

# The parts of a picture (left, top, right, bottom in sides of it) that are shown to the estimator
# until it sees a body: with more and more room around, as drawn figures often fill their picture,
# then larger, as detectors miss persons below a fifth of the height. Then persons who are smaller
# still are looked for, see `pose.afar`.
VIEWS = (
    (0.0, 0.0, 1.0, 1.0),
    (-0.2, -0.2, 1.2, 1.2),
    (-0.5, -0.5, 1.5, 1.5),
    (-1.0, -1.0, 2.0, 2.0),
    (0.25, 0.25, 0.75, 0.75),
    (0.0, 0.0, 0.6, 0.6),
    (0.4, 0.0, 1.0, 0.6),
    (0.0, 0.4, 0.6, 1.0),
    (0.4, 0.4, 1.0, 1.0),
)
SHORT_SIDE = (320, 1080)  # pixels; views outside are scaled to these before detection
ELONGATED = 20  # a picture so many times as long as wide shows nobody, and scaled has no end
ENOUGH_JOINTS = 9  # of 17: more than half of the body settles the search


def detect(image: Frame, *, backend: str | Backend = "auto") -> PoseSequence:
    """Find the persons in one picture, a reference for example: a sequence of one frame.

    image (H, W, 3) uint8 RGB. Drawn figures are harder to see than filmed ones, so the picture is
    shown in several VIEWS until most of a body is found; the fullest answer counts. Raises
    NoPersonError and BackendError.
    """
    height, width = image.shape[:2]
    if max(height, width) > ELONGATED * min(height, width):
        raise _no_person(f"it is more than {ELONGATED} times as long as wide", width, height)
    best: Estimate | None = None
    with backend_for(backend, static=True) as estimator:
        for view in VIEWS:
            answer = _estimate_view(estimator, image, view)
            if len(answer[0]) and (best is None or _joints(answer) > _joints(best)):
                best = answer
            if best is not None and _joints(best) >= ENOUGH_JOINTS:
                break
        if best is None and sees_one(estimator) and (afar := _view_afar(image)) is not None:
            answer = _estimate_view(estimator, image, afar)
            best = answer if len(answer[0]) else None
        name = estimator.name
    if best is None:
        raise _no_person(f"tried {len(VIEWS)} ways", width, height)
    keypoints, scores = best
    return PoseSequence(
        keypoints=keypoints[None], scores=scores[None], size=(width, height), backend=name
    )


def _no_person(why: str, width: int, height: int) -> NoPersonError:
    return NoPersonError(
        f"no person found in the picture ({width}x{height}, {why}); use a picture that shows a "
        "person from the front, at least head and shoulders, or go on without fitting the body "
        "(--align none)"
    )


def _view_afar(image: Frame) -> View | None:
    """The part of a picture around somebody far away; None for nobody, or if none can be found."""
    try:
        square = find_square(image)
    except BackendError:
        return None
    if square is None:
        return None
    (left, top, side), (height, width) = square, image.shape[:2]
    return left / width, top / height, (left + side) / width, (top + side) / height


def _estimate_view(estimator: Backend, image: Frame, view: View) -> Estimate:
    """The estimate on a part of the picture or on more than it, in pixels of the picture."""
    height, width = image.shape[:2]
    left, top, right, bottom = np.rint(np.array(view) * [width, height, width, height]).astype(int)
    part = image[max(top, 0) : bottom, max(left, 0) : right]
    short = min(part.shape[:2])
    scale = min(max(short, SHORT_SIDE[0]), SHORT_SIDE[1]) / short
    room = np.rint(np.maximum([-left, -top], 0) * scale).astype(int)
    shown = _with_room(_scaled(part, scale), (int(room[0]), int(room[1])), image)
    points, scores = estimator.estimate(shown)
    return (points - room) / scale + np.maximum([left, top], 0), scores


def _scaled(image: Frame, scale: float) -> Frame:
    if scale == 1:
        return image
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)


def _with_room(part: Frame, room: tuple[int, int], image: Frame) -> Frame:
    """The part with so many pixels left and right, above and below, in the image's rim colour."""
    x, y = room
    if not (x or y):
        return part
    rim = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    colour = [float(value) for value in np.median(rim, axis=0)]
    wider = cv2.copyMakeBorder(part, y, y, x, x, cv2.BORDER_CONSTANT, value=colour)
    return np.asarray(wider, dtype=np.uint8)


def _joints(estimate: Estimate) -> int:
    """How many body joints the clearest person shows."""
    return int((estimate[1][:, BODY] > VISIBLE).sum(axis=1).max())
