"""How alike figures look to large networks, where their weights are on this machine already."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Frame = NDArray[np.uint8]
Embed = Callable[[Sequence[Frame]], Floats]  # pictures (H, W, 3) -> unit vectors (n, D)

CLIP_MODELS = (
    "openai/clip-vit-large-patch14",
    "openai/clip-vit-base-patch32",
    "openai/clip-vit-base-patch16",
    "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
)
# CLIP's smallest image encoder is 768 wide (Radford et al. 2021, table 20); a smaller one, such as
# the embedded model's, was trained on no language and does not tell characters apart.
LEAST_WIDTH = 768

FACE_MODELS = ("w600k_r50.onnx", "glintr100.onnx", "w600k_mbf.onnx")  # of insightface's packs
FACE_SIDE = 112
# Where eyes, nose and corners of the mouth lie in ArcFace's input (insightface, face_align.py).
FACE_PLACES = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]]
)  # fmt: skip
# The same five on a face of 68 points; the right eye is on the left of the picture.
FACE_POINTS = (slice(36, 42), slice(42, 48), slice(30, 31), slice(48, 49), slice(54, 55))


def clip_of(encoder: Any, processor: Any) -> Embed | None:
    """CLIP's image embedding by a loaded transformers model; None if it is too small for one."""
    if getattr(encoder.config, "hidden_size", 0) < LEAST_WIDTH:
        return None

    def embed(pictures: Sequence[Frame]) -> Floats:
        import torch
        from PIL import Image

        images = [Image.fromarray(picture) for picture in pictures]
        pixels = processor(images=images, return_tensors="pt").pixel_values
        with torch.no_grad():
            found = encoder(pixels.to(encoder.device, encoder.dtype)).image_embeds
        return _unit(found.float().cpu().numpy())

    return embed


def find_clip() -> Embed | None:
    """The first of CLIP_MODELS that lies in the Hub's cache; the network is never asked."""
    from huggingface_hub import try_to_load_from_cache

    for name in CLIP_MODELS:
        config = try_to_load_from_cache(name, "config.json")
        if isinstance(config, str):
            return _load_clip(Path(config).parent)
    return None


def find_faces(folder: Path | None = None) -> Callable[[Frame, Floats], Floats | None] | None:
    """(picture, 68 face points) -> the face's unit vector; None without weights or ONNX Runtime.

    Looked for in `folder`, else where insightface keeps its packs.
    """
    home = folder or Path(os.environ.get("INSIGHTFACE_HOME", "~/.insightface")).expanduser()
    files = [file for name in FACE_MODELS for file in sorted(home.glob(f"models/*/{name}"))]
    if not files:
        return None
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(str(files[0]), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def embed(picture: Frame, points: Floats) -> Floats | None:
        face = cut_face(picture, points)
        if face is None:
            return None
        values = ((face.astype(np.float32) - 127.5) / 127.5).transpose(2, 0, 1)[None]
        vector: Floats = _unit(np.asarray(session.run(None, {name: values})[0]))[0]
        return vector

    return embed


def cut_face(picture: Frame, points: Floats) -> Frame | None:
    """The face (112, 112, 3) as ArcFace wants it; points (68, 2), None if one is missing."""
    import cv2

    places = np.stack([points[part].mean(axis=0) for part in FACE_POINTS])
    if not np.isfinite(places).all():
        return None
    turn, _ = cv2.estimateAffinePartial2D(places, FACE_PLACES, method=cv2.LMEDS)
    if turn is None:
        return None
    return np.asarray(cv2.warpAffine(picture, turn, (FACE_SIDE, FACE_SIDE)), dtype=np.uint8)


def likeness(vectors: Floats, reference: Floats) -> float:
    """Mean cosine of unit vectors (n, D) with another (D,)."""
    return float((vectors @ reference).mean())


def _load_clip(folder: Path) -> Embed | None:
    from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

    try:
        model = CLIPVisionModelWithProjection.from_pretrained(folder, local_files_only=True)
        processor = CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError):  # the cache holds the description without the weights
        return None
    return clip_of(model.eval(), processor)


def _unit(vectors: NDArray[Any]) -> Floats:
    values = vectors.astype(np.float64)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-12))
