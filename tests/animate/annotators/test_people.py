"""Person masks and skeletons."""

from __future__ import annotations

import sys
from types import ModuleType

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from animate.annotators import MapSettings, looks_like_map, open_annotator
from animate.errors import ModelError
from animate.training.portraits import render_portraits
from animate.training.synthetic import Rendering


def test_a_person_becomes_white(
    renderings: list[Rendering], photographs: list[NDArray[np.uint8]]
) -> None:
    pytest.importorskip("mediapipe.python.solutions")
    with open_annotator("mask") as annotator:
        found = [annotator(picture)[..., 0] > 0 for picture in photographs]
    truth = [rendering.masks[0] for rendering in renderings]
    shared = [(a & b).sum() / (a | b).sum() for a, b in zip(found, truth, strict=True)]
    assert np.median(shared) > 0.6


def test_a_small_soft_figure_is_found_too() -> None:
    pytest.importorskip("mediapipe.python.solutions")
    portraits = render_portraits(11, 8)
    shared = []
    with open_annotator("mask") as annotator:
        for picture, parts in zip(portraits.frames, portraits.parts, strict=True):
            found = annotator(cv2.GaussianBlur(picture, (0, 0), 1.2))[..., 0] > 0
            shared.append((found & (parts > 0)).sum() / (found | (parts > 0)).sum())
    assert np.mean(shared) > 0.75  # selfie segmentation alone gets 0.55


def test_a_mediapipe_without_models_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", ModuleType("mediapipe"))
    with pytest.raises(ModelError, match=r"pip install mediapipe==0\.10\.21.*give a mask"):
        open_annotator("mask")


def test_skeletons_are_drawn_and_nobody_is_black(photographs: list[NDArray[np.uint8]]) -> None:
    with open_annotator("pose", settings=MapSettings(pose_backend="mediapipe")) as annotator:
        assert any(looks_like_map(annotator(picture), "pose") for picture in photographs)
        assert not annotator(np.zeros((64, 48, 3), np.uint8)).any()
