"""Which pixels are taken for the figure."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from animate.judge.regions import PARTS, paint_parts, silhouette, silhouettes
from pose.segment import _open
from pose.skeleton import BODY
from pose.video import open_video

Floats = NDArray[np.float64]


def part_at(labels: NDArray[np.uint8], x: int, y: int) -> str:
    return PARTS[labels[y, x] - 1] if labels[y, x] else "nothing"


def test_parts_lie_on_their_bones(dancer: Floats) -> None:
    points = dancer[0].copy()
    labels = paint_parts(points, np.isfinite(points).all(axis=-1), (300, 200))
    for name, (first, second) in {"thigh": (11, 13), "shin": (13, 15), "forearm": (7, 9)}.items():
        x, y = points[[first, second]].mean(axis=0).round().astype(int)
        assert part_at(labels, x, y) == name
    assert part_at(labels, 100, 120) == "torso"
    assert part_at(labels, 5, 5) == "nothing"


def test_hidden_joints_paint_nothing(dancer: Floats) -> None:
    seen = np.isfinite(dancer[0]).all(axis=-1)
    seen[13:17] = False
    labels = paint_parts(dancer[0], seen, (300, 200))
    assert not np.isin(labels, [PARTS.index("thigh") + 1, PARTS.index("shin") + 1]).any()
    assert not paint_parts(dancer[0], np.zeros(133, dtype=bool), (300, 200)).any()


def test_the_dancer_is_found_and_the_corners_are_not(dance: Path) -> None:
    frame = next(iter(open_video(dance)))
    found = silhouettes(frame[None])[0]
    assert found.shape == frame.shape[:2]
    assert 0.05 < found.mean() < 0.5
    assert not found[:40, :40].any()


def test_without_the_model_the_limbs_are_filled(
    dancer: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    _open.cache_clear()
    try:
        found = silhouette(np.zeros((300, 200, 3), np.uint8), dancer[0])
        assert not silhouette(np.zeros((300, 200, 3), np.uint8)).any()
    finally:
        _open.cache_clear()
    middle = dancer[0, BODY].mean(axis=0).astype(int)
    assert found[middle[1], middle[0]]
    assert 0.1 < found.mean() < 0.6
