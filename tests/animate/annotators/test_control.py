"""What is given becomes the control map of a generation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from animate.annotators import control_map, open_annotator
from animate.errors import ModelError

Frame = NDArray[np.uint8]


def test_a_given_map_stays_as_it_is(maps: dict[str, list[Frame]]) -> None:
    for kind in ("pose", "mask", "depth", "canny"):
        got = control_map(maps[kind][0], kind)
        assert got.method == ""
        assert np.array_equal(got.picture, maps[kind][0])


def test_a_picture_is_annotated_at_the_asked_size(photographs: list[Frame]) -> None:
    got = control_map(photographs[0], "canny", size=(64, 64))
    assert (got.method, got.picture.shape) == ("canny", (64, 64, 3))
    assert set(np.unique(got.picture)) == {0, 255}


def test_a_drawing_black_on_white_is_turned(maps: dict[str, list[Frame]], tmp_path: Path) -> None:
    Image.fromarray(255 - maps["canny"][0]).convert("L").save(tmp_path / "drawing.png")
    got = control_map(tmp_path / "drawing.png", "canny")
    assert got.turned
    assert np.array_equal(got.picture, maps["canny"][0])


def test_the_user_decides_before_the_looks(
    photographs: list[Frame], maps: dict[str, list[Frame]]
) -> None:
    assert control_map(photographs[0], "depth", annotate=False).method == ""
    assert control_map(maps["canny"][0], "canny", annotate=True).method == "canny"


def test_an_open_annotator_is_used(photographs: list[Frame]) -> None:
    with open_annotator("lines", "lsd") as annotator:
        assert control_map(photographs[0], "lines", annotator=annotator).method == "lsd"


def test_depth_of_a_picture_says_what_to_fetch(
    photographs: list[Frame], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("ANIMATE_MODELS", raising=False)
    with pytest.raises(ModelError, match=r"animate models fetch depth.*or give a depth map"):
        control_map(photographs[0], "depth")


def test_a_cut_out_person_is_a_mask_already(photographs: list[Frame]) -> None:
    alpha = np.zeros((*photographs[0].shape[:2], 1), np.uint8)
    alpha[100:300, 80:180] = 255
    got = control_map(np.concatenate([photographs[0], alpha], axis=2), "mask")
    assert got.method == ""
    assert np.array_equal(got.picture[..., :1], alpha)


def test_millimetres_are_depth_already() -> None:
    rows = np.linspace(900, 4000, 200).astype(np.uint16)
    assert control_map(np.tile(rows[:, None], (1, 150)), "depth").method == ""
