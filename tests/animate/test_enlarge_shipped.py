"""The embedded mini-sd3 on a picture that it never saw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from animate.cli import main
from animate.enlarge import tile_borders, upscale
from animate.enlarge_settings import UpscaleSettings
from animate.judge import psnr
from animate.still_files import write_picture
from animate.still_models import StillModel, load_still_model
from animate.still_settings import StillSettings
from animate.training.corpus import render_sample
from animate.training.enlarging import Loss, enlarged, lessened
from animate.training.held_out import HELD_OUT_SEED
from animate.training.sharpness import seam, sharpness
from pose.video import load_image

Frame = NDArray[np.uint8]


@pytest.fixture(scope="module")
def model() -> StillModel:
    return load_still_model(StillSettings(model="mini-sd3"))


@pytest.fixture(scope="module")
def truth() -> Frame:
    frames: Frame = render_sample(HELD_OUT_SEED + 400_002, moving=1, stills=0)[1]["frames"]
    return frames[0]


@pytest.fixture(scope="module")
def small(truth: Frame) -> Frame:
    return lessened(truth, Loss(factor=4.0), np.random.default_rng(0))


@pytest.fixture(scope="module")
def large(model: StillModel, small: Frame) -> Frame:
    return upscale(small, loaded=model)


def test_edges_are_nearer_the_truth_than_bicubic_ones(
    large: Frame, small: Frame, truth: Frame
) -> None:
    bicubic = enlarged(small, truth.shape)
    ours, plain = (sharpness(picture, truth, 4.0) for picture in (large, bicubic))
    assert ours.edges > plain.edges + 0.02
    assert ours.gradients < plain.gradients
    assert abs(ours.high - 1) < abs(plain.high - 1) / 2
    assert psnr(large, truth) > psnr(bicubic, truth) - 1


def test_where_tiles_meet_nothing_is_seen(model: StillModel, large: Frame, truth: Frame) -> None:
    borders = tile_borders(model, truth.shape[:2], UpscaleSettings())
    assert len(borders) >= 2
    assert seam(large, truth, borders) < 1.5


def test_it_draws_no_noise_and_always_gives_the_same_picture(
    model: StillModel, small: Frame, large: Frame
) -> None:
    assert np.array_equal(upscale(small, loaded=model, seed=1), large)


@pytest.mark.parametrize("size", [(1, 1), (9, 30), (23, 17)])
def test_pictures_of_any_size_are_enlarged(model: StillModel, size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(80, 180, (*size, 3), dtype=np.uint8)
    assert upscale(picture, loaded=model, factor=3.0).shape == (3 * size[0], 3 * size[1], 3)


def test_the_command_enlarges_offline(small: Frame, large: Frame, tmp_path: Any) -> None:
    write_picture(tmp_path / "small.png", small)
    given = [str(tmp_path / "small.png"), "--factor", "4", "--model", "mini-sd3"]
    assert main(["upscale", *given, "-o", str(tmp_path / "big.png"), "--quiet"]) == 0
    assert np.array_equal(load_image(tmp_path / "big.png"), large)
