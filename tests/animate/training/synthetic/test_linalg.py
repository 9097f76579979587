from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from animate.training.synthetic.linalg import basis, turn, turn_about, two_bone, unit

coordinates = st.floats(-1, 1)
vectors = st.tuples(coordinates, coordinates, coordinates).map(np.array)


def test_turning_about_y_takes_the_front_to_the_left() -> None:
    np.testing.assert_allclose(turn(1, np.pi / 2) @ [0, 0, 1], [1, 0, 0], atol=1e-12)


def test_turn_about_an_axis_agrees_with_turn() -> None:
    vector = np.array([0.3, -0.2, 0.9])
    axis, angle = np.array([0.0, 0.0, 1.0]), np.array(0.7)
    np.testing.assert_allclose(turn_about(axis, angle, vector), turn(2, 0.7) @ vector, atol=1e-12)


def test_basis_is_right_handed_and_keeps_y() -> None:
    matrix = basis(np.array([0.0, 2.0, 0.1]), np.array([0.1, 0.0, 1.0]))
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) > 0.99
    np.testing.assert_allclose(matrix[:, 1], unit(np.array([0.0, 2.0, 0.1])))


@given(vectors, vectors)
def test_two_bones_keep_their_lengths(target: np.ndarray, hint: np.ndarray) -> None:
    upper, lower = np.array(0.3), np.array(0.25)
    hint = hint + np.array([0.0, 0.0, 3.0])
    target = target + np.array([1.2, 0.0, 0.0])
    start = np.zeros(3)
    middle, end, _ = two_bone(start, target, upper, lower, hint)
    np.testing.assert_allclose(np.linalg.norm(middle), 0.3, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(end - middle), 0.25, atol=1e-9)


def test_two_bones_reach_a_target_in_reach() -> None:
    target = np.array([0.2, -0.3, 0.2])
    ends = two_bone(np.zeros(3), target, np.array(0.3), np.array(0.25), np.array([0.0, 0, 1]))
    np.testing.assert_allclose(ends[1], target, atol=1e-12)
