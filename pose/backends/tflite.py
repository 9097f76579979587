"""Small changes to TensorFlow Lite models: bytes in, bytes out, by MediaPipe's own schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

METADATA = "TFLITE_METADATA"  # name and file identifiers of the two FlatBuffers schemas
METADATA_IDENTIFIER = b"M001"
MODEL_IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3


def normalized(content: bytes, mean: float, std: float) -> bytes:
    """The model with metadata: it wants (value - mean) / std of a picture. Unchanged if it has any.

    content: a model of one picture as input.
    """
    model = _unpacked(content)
    if any(entry.name == METADATA.encode() for entry in model.metadata or []):
        return content
    described = _metadata(mean, std, outputs=len(model.subgraphs[0].outputs))
    model.metadata = [*(model.metadata or []), _new("Metadata", name=METADATA,
                      buffer=_add_buffer(model, described))]  # fmt: skip
    return _packed(model, MODEL_IDENTIFIER, len(content))


def padded(content: bytes, numbers: int) -> bytes:
    """The model with zeros after the last axis of its first output, up to so many numbers."""
    model = _unpacked(content)
    graph = model.subgraphs[0]
    output = graph.tensors[graph.outputs[0]]
    shape = [int(side) for side in output.shape]
    room = np.zeros((len(shape), 2), np.int32)
    room[-1, 1] = numbers - shape[-1]
    if room[-1, 1] <= 0:
        return content
    _add_operator(model, "PAD", graph.outputs[0], [room], [*shape[:-1], numbers])
    graph.outputs = [graph.operators[-1].outputs[0], *graph.outputs[1:]]
    return _packed(model, MODEL_IDENTIFIER, len(content))


def cutout(shape: Sequence[int], part: Sequence[int]) -> bytes:
    """A model that gives the first `part` of an input of `shape`, and so holds no weights."""
    graph = _new("SubGraph", tensors=[], operators=[], inputs=[0])
    model = _new("Model", version=SCHEMA_VERSION, description="cutout", buffers=[_new("Buffer")],
                 operatorCodes=[], subgraphs=[graph])  # fmt: skip
    _add_tensor(model, "input", "FLOAT32", shape)
    corners = [np.zeros(len(part), np.int32), np.array(part, np.int32)]
    _add_operator(model, "SLICE", 0, corners, part)
    graph.outputs = graph.operators[-1].outputs
    return _packed(model, MODEL_IDENTIFIER, 1024)


def _add_operator(model: Any, name: str, source: int, constants: list[NDArray[np.int32]],
                  shape: Sequence[int]) -> None:  # fmt: skip
    """Append an operator on tensor `source` and constants that gives float numbers of `shape`."""
    schema = _schema()
    kind = getattr(schema.BuiltinOperator, name)
    options = name.capitalize() + "Options"
    code = _new("OperatorCode", builtinCode=kind, deprecatedBuiltinCode=kind, version=1)
    inputs = [_add_tensor(model, f"{name}_{number}", "INT32", values.shape, values.tobytes())
              for number, values in enumerate(constants)]  # fmt: skip
    operator = _new(
        "Operator",
        opcodeIndex=len(model.operatorCodes),
        builtinOptionsType=getattr(schema.BuiltinOptions, options),
        builtinOptions=_new(options),
        inputs=[source, *inputs],
        outputs=[_add_tensor(model, f"{name}_output", "FLOAT32", shape)],
    )
    model.operatorCodes.append(code)
    model.subgraphs[0].operators.append(operator)


def _add_tensor(
    model: Any, name: str, kind: str, shape: Sequence[int], content: bytes = b""
) -> int:
    """Its number among the graph's tensors."""
    tensors: list[Any] = model.subgraphs[0].tensors
    kinds = _schema().TensorType
    buffer = _add_buffer(model, content) if content else 0  # by the schema, buffer 0 is empty
    tensors.append(_new("Tensor", name=name, type=getattr(kinds, kind), shape=list(shape),
                        buffer=buffer))  # fmt: skip
    return len(tensors) - 1


def _add_buffer(model: Any, content: bytes) -> int:
    """Its number among the model's buffers."""
    model.buffers.append(_new("Buffer", data=np.frombuffer(content, np.uint8)))
    return len(model.buffers) - 1


def _metadata(mean: float, std: float, outputs: int) -> bytes:
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema

    unit = _new(
        "ProcessUnit",
        schema,
        optionsType=schema.ProcessUnitOptions.NormalizationOptions,
        options=_new("NormalizationOptions", schema, mean=[mean], std=[std]),
    )
    content = _new(
        "Content",
        schema,
        contentPropertiesType=schema.ContentProperties.ImageProperties,
        contentProperties=_new("ImageProperties", schema, colorSpace=schema.ColorSpaceType.RGB),
    )
    picture = _new("TensorMetadata", schema, name="image", content=content, processUnits=[unit])
    graph = _new(
        "SubGraphMetadata",
        schema,
        inputTensorMetadata=[picture],
        outputTensorMetadata=[_new("TensorMetadata", schema) for _ in range(outputs)],
    )
    metadata = _new("ModelMetadata", schema, subgraphMetadata=[graph])
    return _packed(metadata, METADATA_IDENTIFIER, 1024)


def _schema() -> Any:
    from mediapipe.tasks.metadata import schema_py_generated

    return schema_py_generated


def _new(table: str, schema: Any = None, **fields: Any) -> Any:
    """A table of the schema (the models' if none is given) with these fields."""
    made = getattr(schema or _schema(), table + "T")()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _unpacked(content: bytes) -> Any:
    schema = _schema()
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def _packed(table: Any, identifier: bytes, size: int) -> bytes:
    """A table as bytes; size: about how many."""
    import flatbuffers

    builder = flatbuffers.Builder(size)
    builder.Finish(table.Pack(builder), identifier)
    return bytes(builder.Output())
