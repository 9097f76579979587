"""Depth, normals and occlusion flags agree with the pictures."""

from __future__ import annotations

import numpy as np
import pytest

from animate.training.synthetic import Camera, Character, Pose, Rendering, batch, render
from animate.training.synthetic.cast import DANCER

ARMS_OUT = np.array([[[0.5, 0.1, 0.4], [0.5, 0.1, 0.4]]])
BEHIND = np.array([[[-0.2, -0.62, -0.42], [-0.2, -0.62, -0.42]]])  # both hands behind the back
PALMS = np.array([[[0.0, 0.1, 1.0], [0.0, 0.1, 1.0]]])  # towards the camera
HANDS = slice(91, 133)


@pytest.fixture(scope="module")
def crowd(people: tuple[Pose, list[Character]], camera: Camera) -> Rendering:
    return render(*people, camera)


def test_depth_is_where_the_figure_is(crowd: Rendering, camera: Camera) -> None:
    np.testing.assert_array_equal(np.isfinite(crowd.depth), crowd.masks)
    assert np.abs(crowd.depth[crowd.masks] - camera.distance).max() < 1.5


def test_normals_are_unit_vectors_towards_the_camera(crowd: Rendering) -> None:
    seen = crowd.normals[crowd.masks]
    np.testing.assert_allclose(np.linalg.norm(seen, axis=-1), 1, atol=1e-4)
    assert (seen[:, 2] > -0.3).mean() > 0.99
    assert not crowd.normals[~crowd.masks].any()


def test_hands_before_nothing_are_visible(camera: Camera) -> None:
    shown = render(batch(wrist=ARMS_OUT, palm=PALMS), DANCER, camera)
    assert shown.visible[0, HANDS].mean() > 0.9
    assert shown.visible[0, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]].all()


def test_hands_behind_the_back_are_hidden(camera: Camera) -> None:
    hidden = render(batch(wrist=BEHIND), DANCER, camera)
    assert hidden.visible[0, HANDS].mean() < 0.15


def test_a_face_turned_away_is_hidden(camera: Camera) -> None:
    away = render(batch(yaw=np.array([np.pi])), DANCER, camera)
    assert not away.visible[0, 23 + 17 : 91].any()
    assert not away.visible[0, :3].any()


def test_points_outside_the_picture_are_not_visible() -> None:
    bust = render(batch(wrist=ARMS_OUT), DANCER, Camera(width=96, height=96, fill=2.2))
    x, y = np.moveaxis(bust.keypoints[0], -1, 0)
    outside = (x < 0) | (y < 0) | (x >= 96) | (y >= 96)
    assert outside.any()
    assert not bust.visible[0, outside].any()


def test_supersampled_truth_has_the_pictures_size(camera: Camera) -> None:
    fine = render(batch(wrist=ARMS_OUT), DANCER, camera, supersample=2)
    assert fine.depth.shape == fine.masks.shape
    assert (np.isfinite(fine.depth) == fine.masks).mean() > 0.99
