"""Annotators that are networks: depth and segmentation by transformers, where weights lie here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.annotators.palette import palette
from animate.annotators.settings import MapSettings, device_of
from animate.errors import ModelError

Frame = NDArray[np.uint8]  # (H, W, 3) RGB

# Models that tell metres, so that near is small; others tell the inverse distance.
METRIC = ("zoedepth", "glpn", "depth_pro", "prompt_depth_anything")


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Where a learned annotator's weights come from.

    file: the one that is read; None if it is a folder in transformers' layout. fetch: the command
    that brings them. instead: what to do without.
    """

    what: str
    repository: str
    fetch: str
    instead: str
    file: str | None = None


WEIGHTS = {
    "depth": Weights(
        what="depth maps",
        repository="depth-anything/Depth-Anything-V2-Small-hf",
        fetch="animate models fetch depth",
        instead="give a depth map, bright where it is near",
    ),
    "segmentation": Weights(
        what="segmentation maps",
        repository="openmmlab/upernet-convnext-small",
        fetch="animate models fetch segmentation",
        instead="give a map in ADE20K's colours",
    ),
    "hed": Weights(
        what="HED's soft edges",
        repository="lllyasviel/Annotators",
        fetch="hf download lllyasviel/Annotators ControlNetHED.pth",
        instead="use --method classical",
        file="ControlNetHED.pth",
    ),
    "mlsd": Weights(
        what="M-LSD's lines",
        repository="lllyasviel/Annotators",
        fetch="hf download lllyasviel/Annotators mlsd_large_512_fp32.pth",
        instead="use --method lsd",
        file="mlsd_large_512_fp32.pth",
    ),
}


def find_weights(name: str, folder: Path | None) -> Path | None:
    """The folder, or the file, of a learned annotator; None if it is not here. No network.

    folder: the user's choice, else the folders in ANIMATE_MODELS and the Hub's cache.
    """
    from animate.hub import folders_of

    weights = WEIGHTS[name]
    needed = weights.file or "config.json"
    places = [folder] if folder else folders_of(weights.repository)
    found = next((place for place in places if (place / needed).is_file()), None)
    return found / weights.file if found and weights.file else found


def require_weights(name: str, folder: Path | None) -> Path:
    """As find_weights. Raises ModelError with what to do if they are not here."""
    found = find_weights(name, folder)
    if found is None:
        weights = WEIGHTS[name]
        place = f"{folder} does not hold" if folder else "this machine has not"
        thing = weights.file or "a model in Transformers' layout"
        raise ModelError(
            f"{weights.what} need weights that {place} ({thing}): run `{weights.fetch}`, or "
            f"{weights.instead}"
        )
    return found


def open_depth(settings: MapSettings) -> Callable[[Frame], Frame]:
    """Grey depth, near is white, by any depth-estimation model of transformers."""
    from transformers import AutoModelForDepthEstimation

    folder = require_weights("depth", settings.model)
    model, processor, device = _open(AutoModelForDepthEstimation, folder, settings.device)
    kind = getattr(model.config, "depth_estimation_type", "relative")
    metric = kind == "metric" or model.config.model_type in METRIC

    def estimate(picture: Frame) -> Frame:
        found = _look(model, processor, device, picture).predicted_depth[0]
        depth = cv2.resize(
            found.float().cpu().numpy(), picture.shape[1::-1], interpolation=cv2.INTER_CUBIC
        )
        near = 1.0 / np.maximum(depth, 1e-3) if metric else depth
        low, high = float(near.min()), float(near.max())
        grey = np.rint((near - low) * (255.0 / max(high - low, 1e-6))).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)

    return estimate


def open_segmentation(settings: MapSettings) -> Callable[[Frame], Frame]:
    """Classes in ADE20K's colours, by any semantic segmentation model of transformers.

    Raises ModelError for models of other classes.
    """
    from transformers import AutoModelForSemanticSegmentation

    folder = require_weights("segmentation", settings.model)
    model, processor, device = _open(AutoModelForSemanticSegmentation, folder, settings.device)
    colours = palette()
    if model.config.num_labels != len(colours):
        raise ModelError(
            f"{folder} knows {model.config.num_labels} classes; segmentation maps need a model of "
            f"ADE20K's {len(colours)}, such as {WEIGHTS['segmentation'].repository}"
        )

    def segment(picture: Frame) -> Frame:
        found = _look(model, processor, device, picture)
        sizes = [picture.shape[:2]]
        classes = processor.post_process_semantic_segmentation(found, target_sizes=sizes)[0]
        return np.asarray(colours[classes.cpu().numpy()])

    return segment


def open_mlsd(settings: MapSettings) -> Callable[[Frame], Frame]:
    """Straight lines by M-LSD, white on black, by controlnet_aux where that is installed."""
    path = require_weights("mlsd", settings.model)
    try:
        from controlnet_aux import MLSDdetector
    except Exception as error:  # it imports many libraries, each with complaints of its own
        raise ModelError(
            "M-LSD needs controlnet_aux, which cannot be imported here "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__}); see "
            "docs/annotators.md, or use --method lsd"
        ) from error
    detector = MLSDdetector.from_pretrained(str(path.parent)).to(device_of(settings.device))

    def detect(picture: Frame) -> Frame:
        short = min(min(picture.shape[:2]), 512)
        found = detector(picture, detect_resolution=short, image_resolution=short, output_type="np")
        size = picture.shape[1::-1]
        return np.asarray(cv2.resize(found, size, interpolation=cv2.INTER_NEAREST), np.uint8)

    return detect


def _open(kind: Any, folder: Path, device: str) -> tuple[Any, Any, str]:
    """Model, processor and device. Raises ModelError if the folder holds something else."""
    from transformers import AutoImageProcessor

    try:
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        model = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except Exception as error:  # these loaders raise whatever their formats make them
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{folder} holds no model of this kind: {reason}") from error
    place = device_of(device)
    return model.eval().to(place), processor, place


def _look(model: Any, processor: Any, device: str, picture: Frame) -> Any:
    import torch

    inputs = processor(images=picture, return_tensors="pt")
    with torch.inference_mode():
        return model(**{name: values.to(device) for name, values in inputs.items()})
