"""MediaPipe Tasks bundles made of the model files that come with MediaPipe 0.10's wheel.

A bundle is a ZIP file of TensorFlow Lite models under the names that a task looks for. The
wheel's models are meant for its Solutions, so what Tasks want besides is added to them: the
input's normalisation, the irises of the face, and something in place of facial expressions.
"""

from __future__ import annotations

import zipfile
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Protocol

from pose.backends.tflite import cutout, normalized, padded
from pose.errors import BackendError
from pose.models import locate
from pose.quiet import quiet_stderr

# What each task looks for (kPoseDetectorModelName and the like in MediaPipe's
# tasks/cc/vision/{pose,hand,holistic}_landmarker/*_graph.cc) -> the wheel's file in `modules`.
POSE = {
    "pose_detector.tflite": "pose_detection/pose_detection.tflite",
    "pose_landmarks_detector.tflite": "pose_landmark/pose_landmark_full.tflite",
}
HAND = {
    "hand_detector.tflite": "palm_detection/palm_detection_full.tflite",
    "hand_landmarks_detector.tflite": "hand_landmark/hand_landmark_full.tflite",
}
FACE_LANDMARKS = "face_landmarks_detector.tflite"
HOLISTIC = {
    **POSE,
    "hand_landmarks_detector.tflite": HAND["hand_landmarks_detector.tflite"],
    "hand_roi_refinement.tflite": "holistic_landmark/hand_recrop.tflite",
    "face_detector.tflite": "face_detection/face_detection_short_range.tflite",
    FACE_LANDMARKS: "face_landmark/face_landmark.tflite",
}

# The inputs of the models without metadata are in [0, 1]: output_tensor_float_range in
# modules/pose_landmark/pose_landmark_by_roi_cpu.pbtxt and
# modules/holistic_landmark/hand_recrop_by_roi_cpu.pbtxt. Tasks compute (value - MEAN) / STD.
MEAN, STD = 0.0, 255.0

# The holistic task reads 478 points of three numbers (tensors_to_face_landmarks_graph.cc); the
# wheel's face model gives 468. The ten of the irises become zeros, which this package never reads.
FACE_NUMBERS = 478 * 3

# MediaPipe 1 loads this model always, 0.10 only if expressions are asked for; no wheel has it.
# 146 points of the face in, 52 numbers out (face_blendshapes_graph.cc).
EXPRESSIONS = "face_blendshapes.tflite"
EXPRESSION_POINTS, EXPRESSION_NUMBERS = (1, 146, 2), (1, 26, 2)

WHEEL_MODELS = "mediapipe/modules/"
TASK = "mediapipe-holistic"  # the name of holistic_landmarker.task in pose.catalogue


class Folder(Protocol):
    """A folder as pathlib and zipfile offer it."""

    def __truediv__(self, name: str, /) -> Folder: ...
    def read_bytes(self) -> bytes: ...


@cache
def pose_bundle() -> bytes:
    """A bundle for PoseLandmarker, which finds several persons.

    Under MediaPipe 1 its models are taken out of the fetched holistic_landmarker.task. Raises
    BackendError.
    """
    task = None if _installed_file(POSE["pose_detector.tflite"]).is_file() else locate(TASK)
    if task is None:
        return _bundle(POSE, _installed_file())
    return _bundle({name: name for name in POSE}, _inside(task, ""))


@cache
def hand_bundle() -> bytes:
    """A bundle for HandLandmarker, which finds hands without a body. Raises BackendError."""
    return _bundle(HAND, _installed_file())


@cache
def holistic_bundle(wheel: Path | None = None) -> bytes:
    """A bundle for HolisticLandmarker; it knows no irises and no expressions.

    wheel: the file of a MediaPipe 0.10 wheel; without it, the installed MediaPipe has to be one.
    Raises BackendError.
    """
    return _bundle(HOLISTIC, _inside(wheel, WHEEL_MODELS) if wheel else _installed_file())


def _installed_file(path: str = "") -> Path:
    """A file of the installed MediaPipe's `modules`, or that folder; it need not exist."""
    spec = find_spec("mediapipe")
    package = Path(spec.origin if spec and spec.origin else "mediapipe").parent
    return package / "modules" / path


def _inside(archive: Path, folder: str) -> Folder:
    try:
        return zipfile.Path(archive, folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise BackendError(f"{archive}: no archive of MediaPipe's models ({error})") from error


def _bundle(members: dict[str, str], models: Folder) -> bytes:
    try:
        contents = {name: (models / path).read_bytes() for name, path in members.items()}
        with quiet_stderr():
            from mediapipe.tasks.python.metadata.metadata_writers import model_asset_bundle_utils
    except (ImportError, KeyError, OSError) as error:
        raise BackendError(
            f"MediaPipe's models are not there ({error}); they come with `pip install "
            f"mediapipe==0.10.21` under Python 3.9 to 3.12, or by `animate models fetch {TASK}`"
        ) from error
    finished = {name: normalized(content, MEAN, STD) for name, content in contents.items()}
    if FACE_LANDMARKS in finished:
        finished[FACE_LANDMARKS] = padded(finished[FACE_LANDMARKS], FACE_NUMBERS)
        finished[EXPRESSIONS] = cutout(EXPRESSION_POINTS, EXPRESSION_NUMBERS)
    out = BytesIO()
    model_asset_bundle_utils.create_model_asset_bundle(finished, out)
    return out.getvalue()
