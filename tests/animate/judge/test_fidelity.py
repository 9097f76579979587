"""Pictures beside the truth, with known differences."""

from __future__ import annotations

import numpy as np
import pytest

from animate.judge.fidelity import compare_truth, iou, psnr, ssim, typical_truth

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(40, 200, (3, 32, 24, 3)).astype(np.uint8)
FIGURE = np.zeros((3, 32, 24), dtype=bool)
FIGURE[:, 8:24, 6:18] = True


def test_psnr_of_a_known_error() -> None:
    assert psnr(TRUTH + 10, TRUTH) == pytest.approx(10 * np.log10(255**2 / 100))


def test_only_the_figure_counts() -> None:
    result = np.where(FIGURE[..., None], TRUTH, 0).astype(np.uint8)
    assert psnr(result, TRUTH, FIGURE) > 100
    assert psnr(result, TRUTH) < 20


def test_ssim_is_one_for_equals_and_falls_with_noise() -> None:
    noisy = (TRUTH + RNG.normal(0, 25, TRUTH.shape)).clip(0, 255).astype(np.uint8)
    assert ssim(TRUTH, TRUTH) == pytest.approx(1)
    assert 0.1 < ssim(noisy, TRUTH, FIGURE) < 0.95


def test_ssim_forgives_light_more_than_blur() -> None:
    blurred = np.broadcast_to(TRUTH.mean(axis=(1, 2), keepdims=True), TRUTH.shape)
    assert ssim(TRUTH + 15, TRUTH) > 0.9
    assert ssim(blurred.astype(np.uint8), TRUTH) < 0.3


def test_iou_of_a_moved_silhouette() -> None:
    moved = np.roll(FIGURE, 6, axis=2)
    assert iou(moved, FIGURE) == pytest.approx(1 / 3)
    assert iou(FIGURE, FIGURE) == iou(~FIGURE & FIGURE, ~FIGURE & FIGURE) == 1


def test_a_truth_without_a_figure_leaves_its_figures_open() -> None:
    empty = np.zeros_like(FIGURE)
    found = compare_truth(TRUTH, TRUTH, empty, empty)
    assert (found.figure_psnr, found.ssim, found.iou) == (None, None, 1)


def test_the_mean_over_frames_leaves_out_what_is_open() -> None:
    frames = [
        compare_truth(TRUTH[:1] + 10, TRUTH[:1], mask, mask)
        for mask in (FIGURE[:1], np.zeros_like(FIGURE[:1]))
    ]
    mean = typical_truth(frames)
    assert mean is not None
    assert (mean.figure_psnr, mean.frames) == (frames[0].figure_psnr, 2)
    assert typical_truth([]) is None
