"""MediaPipe's holistic task (MediaPipe 1 and later): one person, models from a file."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.backends.bundles import TASK, holistic_bundle
from pose.backends.hand_search import Found, mend_hands
from pose.backends.mediapipe import is_too_narrow, wholebody
from pose.backends.protocol import Estimate
from pose.errors import BackendError
from pose.models import locate
from pose.quiet import quiet_stderr
from pose.skeleton import COUNT, Frame

STEP = 33  # milliseconds from frame to frame, the clock of MediaPipe's Solutions (solution_base.py)
PARTS = ("pose_landmarks", "face_landmarks", "left_hand_landmarks", "right_hand_landmarks")
WHEEL = ".whl"
REMEDY = (
    f"run `animate models fetch {TASK}`, or give the file by hand with "
    "--pose-backend mediapipe:FILE.task"
)


class TasksBackend:
    """HolisticLandmarker as a Backend: at most one person a frame.

    file: holistic_landmarker.task, or a wheel of MediaPipe 0.10, out of whose models one is made
    (see bundles). static: look for the person anew in every frame instead of
    following it. Raises BackendError if MediaPipe or the file is missing or cannot be used.
    """

    name = "mediapipe"
    single = True

    def __init__(self, file: Path, *, static: bool = False) -> None:
        if not file.is_file():
            raise BackendError(f"{file}: there is no such file; {REMEDY}")
        try:
            with quiet_stderr():
                import mediapipe
                from mediapipe.tasks.python import vision
        except ImportError as error:
            raise BackendError(
                f"MediaPipe cannot be imported ({error}); run `pip install mediapipe`"
            ) from error
        self.version = task_version(file)
        self._file = file
        self._static = static
        self._models = _models(file)
        self._mediapipe, self._vision = mediapipe, vision
        self._frames = 0
        self._closed = False
        self._landmarker: Any = self._open()

    def estimate(self, frame: NDArray[np.uint8]) -> Estimate:
        if self._closed:
            raise BackendError("this MediaPipe backend is closed; open another one")
        # The task follows the person in IMAGE mode too (holistic_pose_tracking.cc has no other
        # way), so that only a new one looks at the frame alone.
        if is_too_narrow(frame.shape):
            return np.empty((0, COUNT, 2)), np.empty((0, COUNT))
        if self._landmarker is None:
            self._landmarker = self._open()
        try:
            with quiet_stderr():
                found = self._detect(np.ascontiguousarray(frame))
        except Exception as error:  # the graph raises whatever its C++ side makes it
            raise BackendError(f"MediaPipe failed on a frame: {_first_line(error)}") from error
        if self._static:
            self._release()
        keypoints, scores = wholebody(_as_solution(found), (frame.shape[1], frame.shape[0]))
        for points, values in zip(keypoints, scores, strict=True):
            mend_hands(frame, points, values, _find_no_hands)
        return keypoints, scores

    def close(self) -> None:
        self._closed = True
        self._release()

    def _open(self) -> Any:
        vision = self._vision
        mode = vision.RunningMode.IMAGE if self._static else vision.RunningMode.VIDEO
        try:
            with quiet_stderr():
                base = self._mediapipe.tasks.BaseOptions(**self._models)
                options = vision.HolisticLandmarkerOptions(base_options=base, running_mode=mode)
                return vision.HolisticLandmarker.create_from_options(options)
        except Exception as error:  # see above
            raise BackendError(
                f"{self._file}: MediaPipe cannot use it as holistic_landmarker.task "
                f"({_first_line(error)}); {REMEDY}"
            ) from error

    def _detect(self, frame: NDArray[np.uint8]) -> Any:
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=frame)
        if self._static:
            return self._landmarker.detect(image)
        self._frames += 1
        return self._landmarker.detect_for_video(image, self._frames * STEP)

    def _release(self) -> None:
        if self._landmarker is not None:
            landmarker, self._landmarker = self._landmarker, None
            with quiet_stderr():
                landmarker.close()


def open_tasks(static: bool, file: str | Path | None = None) -> TasksBackend:
    """Open the holistic task with a file given by hand, or the fetched one. Raises BackendError.

    Not for MediaPipe 0.10, whose HolisticLandmarker ends the process where a hand is missing.
    """
    if not lacks_solutions():
        raise BackendError(
            f"{file or 'a model file'} needs MediaPipe 1 (Python 3.13 or later); MediaPipe 0.10 "
            "brings its own models: use --pose-backend mediapipe without a file"
        )
    return TasksBackend(_find(file), static=static)


def task_version(file: str | Path | None = None) -> str:
    """The version that a TasksBackend opened with this file would have. Raises BackendError."""
    return f"{importlib.metadata.version('mediapipe')} with {_find(file).name}"


def lacks_solutions() -> bool:
    """Whether a MediaPipe without Solutions, and so without models, is installed: 1 or later."""
    try:
        with quiet_stderr():
            import mediapipe
    except ImportError:
        return False
    return not hasattr(mediapipe, "solutions")


def _find(file: str | Path | None) -> Path:
    path = Path(file).expanduser() if file else locate(TASK)
    if path is None:
        raise BackendError(f"MediaPipe's holistic_landmarker.task is not there; {REMEDY}")
    return path


def _models(file: Path) -> dict[str, Any]:
    if file.suffix == WHEEL:
        return {"model_asset_buffer": holistic_bundle(file)}
    return {"model_asset_path": str(file)}


def _as_solution(found: Any) -> SimpleNamespace:
    """The task's result in the shape of the solution's: None where a part is missing."""
    parts = {name: getattr(found, name) for name in PARTS}
    return SimpleNamespace(
        **{
            name: SimpleNamespace(landmark=marks) if marks else None
            for name, marks in parts.items()
        }
    )


def _find_no_hands(crop: Frame) -> Found:
    """The task's file holds no palm detector to look again with; wrong hands are still dropped."""
    return []


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
