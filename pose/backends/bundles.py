"""MediaPipe Tasks bundles made of the model files that come with MediaPipe 0.10's wheel.

A bundle is a ZIP file of TensorFlow Lite models under the names that a task looks for. The
Solutions that the wheel's models are meant for carry the input's normalisation in their graphs;
Tasks read it from the model's metadata, which two of the models lack and are given here.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from pose.errors import BackendError
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
# Without the model of facial expressions (face_blendshapes.tflite), which no wheel has.
HOLISTIC = {
    **POSE,
    "hand_landmarks_detector.tflite": "hand_landmark/hand_landmark_full.tflite",
    "hand_roi_refinement.tflite": "holistic_landmark/hand_recrop.tflite",
    "face_detector.tflite": "face_detection/face_detection_short_range.tflite",
    "face_landmarks_detector.tflite": "face_landmark/face_landmark.tflite",
}

# The inputs of the models without metadata are in [0, 1]: output_tensor_float_range in
# modules/pose_landmark/pose_landmark_by_roi_cpu.pbtxt and
# modules/holistic_landmark/hand_recrop_by_roi_cpu.pbtxt. Tasks compute (value - MEAN) / STD.
MEAN, STD = 0.0, 255.0

METADATA = "TFLITE_METADATA"  # name and file identifiers of the two FlatBuffers schemas
METADATA_IDENTIFIER = b"M001"
MODEL_IDENTIFIER = b"TFL3"


@cache
def pose_bundle() -> bytes:
    """A bundle for PoseLandmarker, which finds several persons. Raises BackendError."""
    return _bundle(POSE)


@cache
def hand_bundle() -> bytes:
    """A bundle for HandLandmarker, which finds hands without a body. Raises BackendError."""
    return _bundle(HAND)


@cache
def holistic_bundle() -> bytes:
    """A bundle for HolisticLandmarker, without facial expressions. Raises BackendError."""
    return _bundle(HOLISTIC)


def _bundle(members: dict[str, str]) -> bytes:
    try:
        with quiet_stderr():
            import mediapipe
            from mediapipe.tasks.python.metadata.metadata_writers import model_asset_bundle_utils

            modules = Path(mediapipe.__file__).parent / "modules"
            models = {name: _described((modules / path).read_bytes())
                      for name, path in members.items()}  # fmt: skip
    except (ImportError, AttributeError, OSError) as error:
        raise BackendError(
            f"MediaPipe's own models are not there ({error}): run "
            "`pip install mediapipe==0.10.21` under Python 3.9 to 3.12"
        ) from error
    out = BytesIO()
    model_asset_bundle_utils.create_model_asset_bundle(models, out)
    return out.getvalue()


def _described(content: bytes) -> bytes:
    """The model with metadata that state how its input is normalised, if it has none."""
    from mediapipe.tasks.metadata import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    entries = model.metadata or []
    if any(entry.name == METADATA.encode() for entry in entries):
        return content
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = _metadata(outputs=len(model.subgraphs[0].outputs))
    entry.name, entry.buffer = METADATA, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*entries, entry]
    return _packed(model, MODEL_IDENTIFIER, len(content))


def _metadata(outputs: int) -> Any:
    """Metadata for a model of one picture as input: bytes as a uint8 array."""
    import numpy as np
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema

    normalization = schema.NormalizationOptionsT()
    normalization.mean, normalization.std = [MEAN], [STD]
    unit = schema.ProcessUnitT()
    unit.optionsType = schema.ProcessUnitOptions.NormalizationOptions
    unit.options = normalization
    colors = schema.ImagePropertiesT()
    colors.colorSpace = schema.ColorSpaceType.RGB
    content = schema.ContentT()
    content.contentPropertiesType = schema.ContentProperties.ImageProperties
    content.contentProperties = colors
    picture = schema.TensorMetadataT()
    picture.name, picture.content, picture.processUnits = "image", content, [unit]
    graph = schema.SubGraphMetadataT()
    graph.inputTensorMetadata = [picture]
    graph.outputTensorMetadata = [schema.TensorMetadataT() for _ in range(outputs)]
    metadata = schema.ModelMetadataT()
    metadata.subgraphMetadata = [graph]
    return np.frombuffer(_packed(metadata, METADATA_IDENTIFIER, 1024), np.uint8)


def _packed(table: Any, identifier: bytes, size: int) -> bytes:
    """A FlatBuffers table as bytes; size: about how many."""
    import flatbuffers

    builder = flatbuffers.Builder(size)
    builder.Finish(table.Pack(builder), identifier)
    return bytes(builder.Output())
