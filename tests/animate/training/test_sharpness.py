from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from animate.training.sharpness import edge_f1, gradient_error, high_energy, seam, sharpness


@pytest.fixture(scope="module")
def truth() -> NDArray[np.uint8]:
    """Discs of many colours."""
    picture, rng = np.full((96, 128, 3), 90, np.uint8), np.random.default_rng(0)
    for _ in range(20):
        centre, radius = rng.integers(0, 96, 2), int(rng.integers(4, 16))
        colour = rng.integers(0, 256, 3).tolist()
        cv2.circle(picture, centre.tolist(), radius, colour, -1, cv2.LINE_AA)
    return picture


def blurred(picture: NDArray[np.uint8], spread: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), spread), np.uint8)


def test_the_truth_is_perfect(truth: NDArray[np.uint8]) -> None:
    found = sharpness(truth, truth, 4.0)
    assert (found.edges, found.gradients, found.high) == (1.0, 0.0, 1.0)


def test_every_measure_falls_with_blur(truth: NDArray[np.uint8]) -> None:
    little, much = (sharpness(blurred(truth, spread), truth, 4.0) for spread in (0.7, 2.0))
    assert 1 > little.edges > much.edges
    assert 0 < little.gradients < much.gradients
    assert 1 > little.high > much.high


def test_noise_is_too_much_of_high_frequencies(truth: NDArray[np.uint8]) -> None:
    noise = np.random.default_rng(1).normal(scale=40, size=truth.shape)
    noisy = (truth + noise).clip(0, 255).astype(np.uint8)
    assert sharpness(noisy, truth, 4.0).high > 1.2


def test_edges_may_lie_a_pixel_beside(truth: NDArray[np.uint8]) -> None:
    scores = [edge_f1(np.roll(truth, shift, axis=1), truth) for shift in (1, 3)]
    assert scores[0] > 0.9
    assert scores[1] < 0.8


def test_no_edges_are_right_where_there_are_none() -> None:
    even = np.zeros((16, 16, 3), np.uint8)
    split = even.copy()
    split[:, 8:] = 255
    assert edge_f1(even, even) == 1.0
    assert edge_f1(even, split) == edge_f1(split, even) == 0.0


def test_brightness_is_no_gradient(truth: NDArray[np.uint8]) -> None:
    dim = truth // 2
    assert gradient_error(dim + 20, dim) == 0.0


def test_the_energy_is_of_what_a_small_picture_cannot_hold() -> None:
    wave = np.sin(np.arange(96) * 2 * np.pi / 6) * 100 + 128  # 1/6: above 1/8, below 1/4
    picture = np.repeat(wave[None, :, None], 96, axis=0).repeat(3, axis=2).astype(np.uint8)
    assert high_energy(picture, 4.0) > 100 * high_energy(picture, 2.0)


def test_a_seam_is_seen_at_its_column(truth: NDArray[np.uint8]) -> None:
    dim = truth // 2
    result = dim + np.random.default_rng(2).integers(0, 8, truth.shape, dtype=np.uint8)
    assert 0.8 < seam(result, dim, [40, 80]) < 1.2
    result[:, 41:] += 20
    assert seam(result, dim, [40]) > 4
