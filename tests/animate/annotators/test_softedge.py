"""Soft edges without a network."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.annotators.ridges import across_of, suppress
from animate.annotators.softedge import outlines, softedge
from animate.training.synthetic import Rendering


def stripe(width: int = 120) -> NDArray[np.uint8]:
    picture = np.full((90, width, 3), 60, np.uint8)
    picture[:, width // 2 :] = (200, 180, 60)
    return picture


def test_an_outline_is_a_soft_bright_ridge() -> None:
    row = softedge(stripe())[45, :, 0]
    assert row.argmax() in (59, 60)
    assert row.max() > 200
    assert 3 < (row > 64).sum() < 16
    assert row[:30].max() < 8


def test_thin_leaves_one_pixel() -> None:
    row = softedge(stripe(), thin=True)[45, :, 0]
    assert 1 <= (row > 64).sum() <= 2


def test_colour_alone_makes_an_outline() -> None:
    picture = np.zeros((90, 120, 3), np.uint8)
    picture[:, :60], picture[:, 60:] = (120, 60, 60), (60, 87, 90)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    assert np.ptp(grey.astype(int)) <= 3
    assert softedge(picture)[45, 55:65].max() > 128


def test_texture_counts_less_than_an_outline() -> None:
    noise = np.random.default_rng(0).normal(0, 30, (90, 120, 1))
    picture = np.clip(stripe() + noise, 0, 255).astype(np.uint8)
    made = softedge(picture)[..., 0]
    assert made[10:80, 58:62].mean() > 4 * made[10:80, :45].mean()


def test_a_plain_picture_is_black() -> None:
    assert not softedge(np.full((50, 40, 3), 90, np.uint8)).any()


def test_any_size_stays(photographs: list[NDArray[np.uint8]]) -> None:
    for size in ((1, 1), (7, 40), (1400, 900)):
        picture = cv2.resize(photographs[0], size)
        assert softedge(picture).shape == picture.shape


def test_figures_are_found_better_than_by_plain_gradients(
    renderings: list[Rendering], photographs: list[NDArray[np.uint8]]
) -> None:
    """Precision and recall at 2 pixels, best threshold: see scripts/bench_softedge.py."""
    ours = [outlines(picture) for picture in photographs]
    plain = [gradient(picture) for picture in photographs]
    truth = [silhouette(rendering.parts[0]) for rendering in renderings]
    assert best_f(ours, truth) > best_f(plain, truth) + 0.04


def gradient(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1).astype("f4")
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def silhouette(parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.morphologyEx(parts, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)).clip(0, 1)


def best_f(strengths: list[NDArray[np.float32]], truth: list[NDArray[np.uint8]]) -> float:
    thin = [suppress(strength, across_of(strength)) for strength in strengths]
    levels = np.quantile(np.concatenate([s[s > 0] for s in thin]), np.linspace(0, 0.99, 30))
    reach = np.ones((5, 5), np.uint8)
    scores = []
    for level in levels:
        hits = np.zeros(4)
        for ridge, edge in zip(thin, truth, strict=True):
            found = (ridge >= level).astype(np.uint8)
            hits += ((found & cv2.dilate(edge, reach)).sum(), found.sum(),
                     (edge & cv2.dilate(found, reach)).sum(), edge.sum())  # fmt: skip
        precision, recall = hits[0] / hits[1], hits[2] / hits[3]
        scores.append(2 * precision * recall / (precision + recall))
    return float(max(scores))
