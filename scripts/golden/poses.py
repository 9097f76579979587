"""Cases of poses: drawing, and fitting to the reference body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from golden.report import Limit, Row
from pose.align import FIT_JOINTS, fit_affine
from pose.draw import draw
from pose.skeleton import (
    OPENPOSE_BODY,
    OPENPOSE_FACE,
    OPENPOSE_LEFT_HAND,
    OPENPOSE_RIGHT_HAND,
    VISIBLE,
)

# The tolerance of drawings is worded for people: exact with the OpenCV of the fixtures, else
# these. Source: manifest of pose_draw.
MEAN_OFF = 0.05
FAR_OFF, FAR_OFF_SHARE = 8, 0.001


def check_drawing(folder: Path) -> Iterator[Row]:
    """Pixels of the official look; the difference is the mean over them, in 255ths."""
    manifest, data = _read(folder)
    exact = cv2.__version__.split(".")[0] == manifest["opencv"].split(".")[0]
    for case in manifest["cases"]:
        name = case["name"]
        size = (case["width"], case["height"])
        drawn = draw(data[f"{name}.keypoints_px"], data[f"{name}.scores"], size, look="official")
        expected = cv2.cvtColor(cv2.imread(str(folder / case["png"])), cv2.COLOR_BGR2RGB)
        off = np.abs(drawn.astype(int) - expected.astype(int))
        far = float((off.max(axis=-1) > FAR_OFF).mean())
        limit = 0.0 if exact else MEAN_OFF
        yield Row(
            name=name,
            ok=bool(off.mean() <= limit and far <= FAR_OFF_SHARE),
            difference=float(off.mean()),
            limit=limit,
            note=f"largest {off.max()}, {far:.2%} far off" if off.any() else "",
        )


def check_alignment(folder: Path) -> Iterator[Row]:
    """Scale and shift of the fit, and every keypoint moved by them."""
    manifest, data = _read(folder)
    limit = Limit.parse(manifest["tolerance"])
    for case in manifest["cases"]:
        key, label = case["index"], f"{case['index']} {case['name']}"
        sizes = (case["video_width"], case["video_height"]), (case["ref_width"], case["ref_height"])
        visible = data[f"{key}.ref_scores"][0][FIT_JOINTS] > VISIBLE
        joints = FIT_JOINTS[visible]
        frames = [data[f"{key}.frame{i}.keypoints_px"] / sizes[0] for i in range(case["frames"])]
        alone = np.stack([frame[0, joints] for frame in frames if len(frame) == 1])
        reference = data[f"{key}.ref_keypoints_px"][0, joints] / sizes[1]
        scale, shift = fit_affine(alone, reference, *sizes)
        yield limit.compare(f"{label}: a", scale, data[f"{key}.a"])
        yield limit.compare(f"{label}: b", shift, data[f"{key}.b"])
        for index, frame in enumerate(frames):
            for part, moved in _parts(frame * scale + shift).items():
                stored = data[f"{key}.frame{index}.aligned_{part}"]
                yield limit.compare(f"{label}: frame {index} {part}", moved, stored)


def _parts(person: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    hands = [person[:, OPENPOSE_LEFT_HAND], person[:, OPENPOSE_RIGHT_HAND]]
    return {
        "candidate": person[:, OPENPOSE_BODY].reshape(-1, 2),
        "faces": person[:, OPENPOSE_FACE],
        "hands": np.concatenate(hands),
    }


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    manifest = json.loads((folder / "manifest.json").read_text())
    with np.load(folder / "data.npz") as stored:
        return manifest, {key: stored[key] for key in stored.files}
