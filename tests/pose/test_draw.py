from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from pose.draw import LOOKS, draw
from pose.looks.official import CANVAS_SHORT_SIDE
from pose.skeleton import COUNT, INDEX, LEFT_HAND

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]
COPY = Path(__file__).resolve().parent.parent / "golden" / "pose_draw"


def cases(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads((folder / "manifest.json").read_text())["cases"])


def check(folder: Path, case: dict[str, Any]) -> None:
    """Exact with the OpenCV that recorded the pictures and those known to draw alike."""
    data = np.load(folder / "data.npz")
    wanted = cv2.imread(str(folder / case["png"]))[:, :, ::-1].astype(int)
    keypoints, scores = data[f"{case['name']}.keypoints_px"], data[f"{case['name']}.scores"]
    got = draw(keypoints, scores, (case["width"], case["height"])).astype(int)
    off = np.abs(got - wanted)
    if cv2.__version__.startswith(("4.11", "5.")):
        assert off.max() == 0
    assert off.mean() <= 0.05
    assert (off.max(axis=2) > 8).mean() <= 0.001


@pytest.mark.parametrize("case", cases(COPY), ids=lambda case: str(case["name"]))
def test_official_look_is_the_golden_one(case: dict[str, Any]) -> None:
    check(COPY, case)


def test_official_look_on_every_shared_case(shared: Path) -> None:
    for case in cases(shared / "golden" / "pose_draw"):
        check(shared / "golden" / "pose_draw", case)


@pytest.mark.parametrize("size", [(576, 1024), (512, 512), (448, 832), (100, 37), (2160, 2200)])
def test_reducing_a_part_equals_reducing_the_whole(size: tuple[int, int], standing: Arrays) -> None:
    from pose.looks import canvas

    keypoints, scores = standing
    fast = draw(keypoints[None] * size, scores[None], size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canvas, "_aligned_step", lambda canvas, target: None)
        whole = draw(keypoints[None] * size, scores[None], size)
    assert np.array_equal(fast, whole)
    assert min(size) <= CANVAS_SHORT_SIDE


values = st.floats(allow_nan=True, allow_infinity=True)
wild = arrays(np.float64, (1, COUNT, 2), elements=values, fill=st.floats(-300, 300))
sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))


@settings(max_examples=40, deadline=None)
@given(wild, arrays(np.float64, (1, COUNT), elements=values), sizes)
def test_any_keypoints_can_be_drawn_softly(
    keypoints: Any, scores: Any, size: tuple[int, int]
) -> None:
    assert draw(keypoints, scores, size, "soft").shape == (size[1], size[0], 3)


@settings(max_examples=15, deadline=None)
@given(wild, arrays(np.float64, (1, COUNT), elements=values))
def test_any_keypoints_can_be_drawn_officially(keypoints: Any, scores: Any) -> None:
    assert draw(keypoints, scores, (64, 48), "official").shape == (48, 64, 3)


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_a_figure_outside_leaves_the_picture_black(look: str, standing: Arrays) -> None:
    keypoints, scores = standing
    outside = (keypoints[None] - [3, 0]) * [64, 96]
    assert not draw(outside, scores[None], (64, 96), look).any()


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_nobody_is_a_black_picture(look: str) -> None:
    assert not draw(np.empty((0, COUNT, 2)), np.empty((0, COUNT)), (64, 96), look).any()


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_a_missing_hand_is_not_drawn(look: str, standing: Arrays) -> None:
    keypoints, scores = standing[0].copy(), standing[1]
    keypoints[LEFT_HAND] = np.nan
    full = draw(standing[0][None] * [256, 384], scores[None], (256, 384), look)
    less = draw(keypoints[None] * [256, 384], scores[None], (256, 384), look)
    where = np.argwhere((full != less).any(axis=2))
    assert len(where) > 20
    assert where[:, 1].min() > 0.6 * 256  # only around the left hand, on the right


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_source_size_scales(look: str, standing: Arrays) -> None:
    keypoints, scores = standing
    direct = draw(keypoints[None] * [128, 192], scores[None], (128, 192), look)
    scaled = draw(keypoints[None] * [512, 768], scores[None], (128, 192), look, (512, 768))
    assert np.array_equal(direct, scaled)


def test_soft_limbs_have_openpose_colours(standing: Arrays) -> None:
    keypoints, scores = standing
    picture = draw(keypoints[None] * [128, 192], scores[None], (128, 192), "soft")
    x, y = (keypoints[INDEX["right_shoulder"]] + keypoints[INDEX["right_elbow"]]) / 2 * [128, 192]
    red, green, blue = picture[int(y), int(x)].astype(int)
    assert red > 150
    assert 80 < green < 150
    assert blue < 30


def test_soft_look_grows_with_the_picture(standing: Arrays) -> None:
    keypoints, scores = standing
    small = draw(keypoints[None] * [128, 192], scores[None], (128, 192), "soft")
    large = draw(keypoints[None] * [512, 768], scores[None], (512, 768), "soft")
    shrunk = cv2.resize(large, (128, 192), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(shrunk - small).mean() < 1.5


def test_unknown_looks_and_sizes_are_refused(standing: Arrays) -> None:
    keypoints, scores = standing
    with pytest.raises(ValueError, match="unknown look 'oil': expected one of direct, fingers, "):
        draw(keypoints[None], scores[None], (64, 96), "oil")
    with pytest.raises(ValueError, match="cannot draw on 0x96"):
        draw(keypoints[None], scores[None], (0, 96))
    with pytest.raises(ValueError, match="expected keypoints"):
        draw(keypoints, scores, (64, 96))
