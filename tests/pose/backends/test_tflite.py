from __future__ import annotations

from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
from mediapipe.tasks.metadata import schema_py_generated as schema

from pose.backends import tflite


def unpacked(content: bytes) -> schema.ModelT:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def test_normalization_stands_in_the_metadata() -> None:
    model = unpacked(tflite.normalized(tflite.cutout((1, 4, 4, 3), (1, 2, 2, 3)), 127.5, 64.0))
    (entry,) = model.metadata
    content = model.buffers[entry.buffer].data.tobytes()
    read = metadata_schema.ModelMetadata.GetRootAs(content, 0)
    (unit,) = metadata_schema.ModelMetadataT.InitFromObj(read).subgraphMetadata[0] \
        .inputTensorMetadata[0].processUnits  # fmt: skip
    assert (unit.options.mean.tolist(), unit.options.std.tolist()) == ([127.5], [64.0])


def test_a_model_with_metadata_stays_as_it_is() -> None:
    once = tflite.normalized(tflite.cutout((1, 4), (1, 2)), 0.0, 255.0)
    assert tflite.normalized(once, 127.5, 127.5) == once


def test_padding_lengthens_the_first_output_only_if_it_is_short() -> None:
    short = tflite.cutout((1, 1, 8), (1, 1, 5))
    model = unpacked(tflite.padded(short, 7))
    graph = model.subgraphs[0]
    assert graph.tensors[graph.outputs[0]].shape.tolist() == [1, 1, 7]
    assert graph.operators[-1].inputs[0] == unpacked(short).subgraphs[0].outputs[0]
    assert tflite.padded(short, 5) == short
