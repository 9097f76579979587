"""Likeness by networks, with tiny random ones in place of real weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animate.judge.embeddings import FACE_PLACES, clip_of, cut_face, find_clip, find_faces, likeness

PICTURES = [np.full((40, 30, 3), level, np.uint8) for level in (20, 200)]


def face_points(scale: float, shift: float) -> np.ndarray:
    """68 points whose five landmarks lie as in ArcFace's input, moved."""
    points = np.full((68, 2), np.nan)
    eyes = (slice(36, 42), slice(42, 48))
    for part, place in zip((*eyes, 30, 48, 54), FACE_PLACES, strict=True):
        points[part] = place * scale + shift
    return points


def test_a_small_encoder_has_no_opinion() -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(hidden_size=32, intermediate_size=32, num_hidden_layers=1,
                              num_attention_heads=2, image_size=32, patch_size=16)  # fmt: skip
    assert clip_of(CLIPVisionModelWithProjection(config), None) is None


def test_a_wide_encoder_embeds_to_unit_vectors() -> None:
    import torch
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    config = CLIPVisionConfig(hidden_size=768, intermediate_size=32, num_hidden_layers=1,
                              num_attention_heads=2, image_size=32, patch_size=16)  # fmt: skip
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32)
    embed = clip_of(CLIPVisionModelWithProjection(config).eval(), processor)
    assert embed is not None
    vectors = embed(PICTURES)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    assert likeness(vectors[:1], vectors[0]) == pytest.approx(1)
    assert likeness(vectors[:1], vectors[1]) < 1


def test_without_weights_nothing_is_asked_of_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert find_clip() is None
    assert find_faces(tmp_path) is None


def test_a_face_is_turned_upright_and_cut_out() -> None:
    picture = np.zeros((400, 400, 3), np.uint8)
    points = face_points(2.0, 50.0)
    nose = points[30].round().astype(int)
    picture[nose[1] - 4 : nose[1] + 5, nose[0] - 4 : nose[0] + 5] = 255
    face = cut_face(picture, points)
    assert face is not None
    assert face.shape == (112, 112, 3)
    middle = np.argwhere(face[..., 0] > 128).mean(axis=0)[::-1]
    assert middle == pytest.approx(FACE_PLACES[2], abs=1)


def test_a_face_that_is_not_seen_whole_is_left_out() -> None:
    points = face_points(1.0, 0.0)
    points[54] = np.nan
    assert cut_face(PICTURES[0], points) is None


def test_a_face_model_is_found_where_insightface_keeps_it(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("x", floats, [1, 3, 112, 112])],
        [helper.make_tensor_value_info("y", floats, [1, 3])],
    )
    folder = tmp_path / "models" / "buffalo_s"
    folder.mkdir(parents=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, folder / "w600k_mbf.onnx")
    embed = find_faces(tmp_path)
    assert embed is not None
    vector = embed(np.full((200, 200, 3), (255, 0, 0), np.uint8), face_points(1.0, 40.0))
    assert vector == pytest.approx(np.array([1, -1, -1]) / np.sqrt(3), abs=1e-3)
