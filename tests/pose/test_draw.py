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
from pose.skeleton import COUNT, FACE, INDEX, LEFT_HAND

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


@pytest.mark.parametrize("look", sorted(LOOKS))
@settings(max_examples=10, deadline=None)
@given(wild, arrays(np.float64, (1, COUNT), elements=values), st.sampled_from([64, 72, 96]))
def test_any_keypoints_can_be_drawn(look: str, keypoints: Any, scores: Any, height: int) -> None:
    assert draw(keypoints, scores, (64, height), look).shape == (height, 64, 3)


@settings(max_examples=40, deadline=None)
@given(wild, arrays(np.float64, (1, COUNT), elements=values), sizes)
def test_any_size_can_be_drawn_without_a_larger_canvas(
    keypoints: Any, scores: Any, size: tuple[int, int]
) -> None:
    for look in ("soft", "openpose", "direct"):
        assert draw(keypoints, scores, size, look).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("look", sorted(LOOKS))
@pytest.mark.parametrize("huge", [1e300, -1e300, 1e9, 1.7e308])
def test_huge_keypoints_are_left_out(look: str, huge: float, standing: Arrays) -> None:
    keypoints = standing[0][None] * [128, 192]
    missing = keypoints.copy()
    keypoints[0, 3:9], missing[0, 3:9] = huge, np.nan
    drawn = draw(keypoints, standing[1][None], (128, 192), look)
    assert np.array_equal(drawn, draw(missing, standing[1][None], (128, 192), look))
    assert drawn.any()


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_a_look_draws_the_same_twice(look: str, standing: Arrays) -> None:
    keypoints, scores = standing[0][None] * [128, 192], standing[1][None]
    first = draw(keypoints, scores, (128, 192), look)
    assert np.array_equal(first, draw(keypoints, scores, (128, 192), look))


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


def test_openpose_has_its_colours_and_widths(standing: Arrays) -> None:
    keypoints, size = standing[0] * [512, 768], (512, 768)
    picture = draw(keypoints[None], standing[1][None], size, "openpose").astype(int)
    x, y = (keypoints[INDEX["left_knee"]] + keypoints[INDEX["left_ankle"]]) / 2
    assert picture[int(y), int(x)].tolist() == [0, 51, 153]  # 0.6 of the eleventh colour
    assert (picture[int(y)].any(axis=1)).sum() == pytest.approx(2 * 9, abs=2)  # two legs
    x, y = keypoints[INDEX["left_elbow"]]
    assert picture[int(y), int(x)].tolist() == [0, 255, 0]  # the joint lies on top, undimmed
    x, y = keypoints[FACE.start]
    assert picture[int(y), int(x)].tolist() == [255, 255, 255]
    x, y = keypoints[LEFT_HAND.stop - 1]
    assert picture[int(y), int(x)].tolist() == [0, 0, 255]


def test_openpose_leaves_out_what_is_not_seen(standing: Arrays) -> None:
    scores = np.full((1, COUNT), 0.3)
    assert not draw(standing[0][None] * [128, 192], scores, (128, 192), "openpose").any()
    scores[:, LEFT_HAND] = 0.31
    assert draw(standing[0][None] * [128, 192], scores, (128, 192), "openpose").any()


def test_mimicmotion_is_the_official_drawing(standing: Arrays) -> None:
    keypoints, scores = standing[0][None] * [128, 192], standing[1][None]
    official = draw(keypoints, scores, (128, 192), "official")
    assert np.array_equal(official, draw(keypoints, scores, (128, 192), "mimicmotion"))


def open_hand(standing: Arrays, length: float) -> NDArray[np.float64]:
    """The figure with a left hand of five straight fingers, in pixels of 1080x1080."""
    keypoints = standing[0] * 1080
    wrist = np.array([600.0, 600.0])
    for finger in range(5):
        angle = np.deg2rad(40 * finger - 170)
        way = np.array([np.cos(angle), np.sin(angle)]) * length
        for joint in range(4):
            keypoints[LEFT_HAND.start + 1 + 4 * finger + joint] = wrist + way * (joint + 1) / 4
    keypoints[LEFT_HAND.start] = wrist
    return keypoints


@pytest.mark.parametrize(("length", "times"), [(60, 2), (100, 2.5), (300, 7.5), (450, 11)])
def test_fingers_are_as_thick_as_the_hand_is_large(
    length: float, times: float, standing: Arrays
) -> None:
    keypoints = open_hand(standing, length)
    middle = keypoints[[LEFT_HAND.start + 10, LEFT_HAND.start + 11]].mean(axis=0)
    x, y = (2 * middle).astype(int)
    thickness = {}
    for look in ("official", "fingers"):
        picture = draw(keypoints[None], standing[1][None], (2160, 2160), look, (1080, 1080))
        lit = picture[y, x - 60 : x + 60].any(axis=1)
        thickness[look] = min(lit[:60][::-1].argmin(), 60) + min(lit[60:].argmin(), 60)
    assert thickness["official"] == 3  # OpenCV's lines are a pixel wider than asked for
    assert thickness["fingers"] == pytest.approx(2 * times + 1.5, abs=1)


def test_fingers_lie_on_the_face(standing: Arrays) -> None:
    keypoints = open_hand(standing, 100)
    keypoints[FACE] = keypoints[LEFT_HAND.start + 10]
    over = draw(keypoints[None], standing[1][None], (1080, 1080), "fingers")
    x, y = keypoints[LEFT_HAND.start + 10].astype(int)
    red, green, blue = over[y, x].astype(int)
    assert red > 150 > green + blue


def test_fingers_leave_the_body_as_it_is(standing: Arrays) -> None:
    keypoints = standing[0].copy()
    keypoints[LEFT_HAND.start :] = np.nan
    pictures = [
        draw(keypoints[None] * [128, 192], standing[1][None], (128, 192), look)
        for look in ("official", "fingers")
    ]
    assert np.array_equal(*pictures)


def test_direct_is_the_official_picture_without_aliasing(standing: Arrays) -> None:
    keypoints, size = standing[0][None] * [576, 1024], (576, 1024)
    official, direct = (
        draw(keypoints, standing[1][None], size, look) for look in ("official", "direct")
    )
    blurred = [cv2.GaussianBlur(p, (0, 0), 4).astype(float) for p in (official, direct)]
    assert np.corrcoef(blurred[0].ravel(), blurred[1].ravel())[0, 1] > 0.93
    shin = slice(700, 900)  # many steps from dark to light, where the official one has few
    assert len(np.unique(direct[shin])) > 2 * len(np.unique(official[shin]))


def test_only_the_part_around_the_figure_is_kept(standing: Arrays) -> None:
    from pose.looks.canvas import Canvas

    small = Canvas(LOOKS["official"], (576, 1024), (0.4, 0.4, 0.6, 0.5))
    assert small.pixels.size < 0.05 * 3 * 2160 * 3840


def test_unknown_looks_and_sizes_are_refused(standing: Arrays) -> None:
    keypoints, scores = standing
    with pytest.raises(ValueError, match="unknown look 'oil': expected one of direct, fingers, "):
        draw(keypoints[None], scores[None], (64, 96), "oil")
    with pytest.raises(ValueError, match="cannot draw on 0x96"):
        draw(keypoints[None], scores[None], (0, 96))
    with pytest.raises(ValueError, match="cannot draw on 64x0"):
        draw(keypoints[None], scores[None], (64, 96), source_size=(64, 0))
    with pytest.raises(ValueError, match="expected keypoints"):
        draw(keypoints, scores, (64, 96))
