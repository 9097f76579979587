from __future__ import annotations

import numpy as np

from animate.training.synthetic import Camera, Character, Pose, Rendering, render
from animate.training.synthetic.keypoints import COUNT
from animate.training.synthetic.primitives import HAND, HEAD

BODY_JOINTS = range(5, 17)


def _at(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values of an (H, W) picture at pixels (K, 2) that lie inside it."""
    height, width = image.shape
    column, row = np.floor(points).astype(int).T
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return image[row[inside], column[inside]]


def test_there_are_133_with_scores(dance_pictures: Rendering) -> None:
    assert dance_pictures.keypoints.shape == (8, COUNT, 2)
    assert dance_pictures.scores.shape == (8, COUNT)
    assert dance_pictures.keypoints.dtype == np.float64


def test_joints_lie_on_the_figure(dance_pictures: Rendering) -> None:
    for mask, points in zip(dance_pictures.masks, dance_pictures.keypoints, strict=True):
        assert _at(mask, points[list(BODY_JOINTS)]).all()
        assert _at(mask, points).mean() > 0.93


def test_joints_of_random_people_lie_on_their_figures(
    people: tuple[Pose, list[Character]], camera: Camera
) -> None:
    result = render(*people, camera)
    hits = [
        _at(mask, points[list(BODY_JOINTS)]).mean()
        for mask, points in zip(result.masks, result.keypoints, strict=True)
    ]
    assert np.mean(hits) > 0.97


def test_hands_and_face_fall_on_their_parts(dance_pictures: Rendering) -> None:
    knuckles = [91 + i for i in (0, 5, 9, 13, 17)] + [112 + i for i in (0, 5, 9, 13, 17)]
    hands, faces = [], []
    for parts, points in zip(dance_pictures.parts, dance_pictures.keypoints, strict=True):
        hands.append(_at(parts, points[knuckles]) == HAND)
        faces.append(_at(parts, points[23 + 27 : 91]) == HEAD)
    assert np.concatenate(hands).mean() > 0.8
    assert np.concatenate(faces).mean() > 0.9


def test_left_is_the_persons_own(dance_pictures: Rendering) -> None:
    x = dance_pictures.keypoints[..., 0]
    for left, right in ((1, 2), (3, 4), (5, 6), (11, 12), (17, 20)):
        assert (x[:, left] > x[:, right]).all()
    np.testing.assert_allclose(dance_pictures.keypoints[:, 91], dance_pictures.keypoints[:, 9])
    np.testing.assert_allclose(dance_pictures.keypoints[:, 112], dance_pictures.keypoints[:, 10])


def test_the_face_follows_the_ibug_order(dance_pictures: Rendering) -> None:
    x, y = np.moveaxis(dance_pictures.keypoints[:, 23:91], -1, 0)
    assert (x[:, 0] < x[:, 8]).all()
    assert (x[:, 8] < x[:, 16]).all()
    for low, high in ((17, 21), (22, 26), (36, 39), (42, 45), (48, 54), (60, 64), (31, 35)):
        assert (x[:, low] < x[:, high]).all()
    for top, bottom in ((19, 37), (37, 41), (27, 30), (51, 57), (57, 8)):
        assert (y[:, top] < y[:, bottom]).all()


def test_the_mouth_opens_in_picture_and_points() -> None:
    from animate.training.synthetic.face import face_points

    closed, open_ = face_points(np.array([0.0, 1.0]), np.zeros(2))
    assert open_[66, 1] < closed[66, 1] - 0.01
    assert open_[51, 1] == closed[51, 1]
