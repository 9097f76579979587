"""Which part of a picture a sample shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from animate.training.crop import Crop, choose_crop, nearest_shape

SIDES = st.integers(64, 1000)


@given(size=st.tuples(SIDES, SIDES), target=st.tuples(SIDES, SIDES), seed=st.integers(0, 99))
def test_a_part_lies_in_the_picture_and_has_the_proportions(
    size: tuple[int, int], target: tuple[int, int], seed: int
) -> None:
    crop = choose_crop(size, target, None, np.random.default_rng(seed))
    assert 0 <= crop.left <= size[0] - crop.width
    assert 0 <= crop.top <= size[1] - crop.height
    off = abs(crop.width - crop.height * target[0] / target[1])
    assert off <= 1 + max(1, target[0] / target[1])  # rounding of both sides, and at least a pixel


@given(left=st.floats(0, 150), top=st.floats(0, 250), seed=st.integers(0, 99))
def test_a_person_that_fits_stays_in_the_part(left: float, top: float, seed: int) -> None:
    box = np.array([left, top, left + 90, top + 120])
    crop = choose_crop((240, 370), (128, 192), box, np.random.default_rng(seed))
    assert crop.left <= left + 1
    assert crop.top <= top + 1
    assert crop.left + crop.width >= box[2] - 1
    assert crop.top + crop.height >= box[3] - 1


def test_a_part_is_not_smaller_than_the_result_if_the_picture_is_not() -> None:
    rng = np.random.default_rng(0)
    assert min(choose_crop((140, 210), (128, 192), None, rng).width for _ in range(50)) >= 128


def test_parts_differ() -> None:
    rng = np.random.default_rng(0)
    assert len({choose_crop((300, 400), (64, 96), None, rng) for _ in range(10)}) > 5


def test_points_go_where_their_pixels_go() -> None:
    frame = np.zeros((80, 60, 3), np.uint8)
    frame[40:44, 20:24] = 255
    crop = Crop(10, 20, 40, 60, (80, 120))
    rows, columns = np.nonzero(crop.picture(frame)[..., 0] > 127)
    middle = crop.points(np.array([[22.0, 42.0]]))[0]
    assert [columns.mean() + 0.5, rows.mean() + 0.5] == pytest.approx(middle.tolist(), abs=0.5)


def test_the_nearest_shape_is_chosen_by_proportions() -> None:
    assert nearest_shape((1080, 1920), [(192, 128), (128, 192), (128, 224)]) == 2
