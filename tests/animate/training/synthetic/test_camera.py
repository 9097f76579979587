from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from animate.training.synthetic import Camera

SIZES = [(128, 192), (192, 128), (160, 160), (128, 224)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_centre_falls_in_the_middle(width: int, height: int) -> None:
    camera = Camera(width=width, height=height, centre=(0.2, 1.1))
    np.testing.assert_allclose(camera.project(np.array([0.2, 1.1, 0])), [width / 2, height / 2])


@given(st.floats(0, 128), st.floats(0, 192), st.floats(1, 9))
def test_unproject_inverts_project(x: float, y: float, depth: float) -> None:
    camera = Camera(width=128, height=192, fill=1.2, centre=(0.1, 1.0), distance=3.5)
    point = camera.unproject(np.array([x, y]), depth)
    np.testing.assert_allclose(camera.project(point), [x, y], atol=1e-6)


def test_fill_is_the_part_of_the_height_a_figure_takes() -> None:
    camera = Camera(width=128, height=200, fill=0.8, centre=(0.0, 0.9))
    feet, top = camera.project(np.array([[0, 0, 0], [0, 1.8, 0]]))
    assert feet[1] - top[1] == pytest.approx(160)


def test_up_in_the_scene_is_up_in_the_picture_and_left_of_the_person_is_right() -> None:
    camera = Camera(width=100, height=100)
    low, high = camera.project(np.array([[0, 0.5, 0], [0.3, 1.5, 0]]))
    assert high[1] < low[1]
    assert high[0] > low[0]


def test_scaling_multiplies_pixels() -> None:
    camera, point = Camera(width=64, height=96, fill=0.7), np.array([0.2, 1.3, 0.1])
    np.testing.assert_allclose(camera.scaled(3).project(point), 3 * camera.project(point))


def test_a_camera_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Camera(width=0, height=96)
