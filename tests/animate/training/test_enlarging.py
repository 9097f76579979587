from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from animate.enlarge import _control
from animate.training.bands import REACH
from animate.training.corpus import Bucket, ClipStack
from animate.training.enlarging import (
    SIDES,
    STEP,
    EnlargeSource,
    Loss,
    busiest,
    detail_loss,
    enlarged,
    lessened,
    random_loss,
    turned,
)


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def stack() -> ClipStack:
    """Two clips of two frames of noise, 128x160."""
    frames = np.stack([noise(160, 128, seed) for seed in range(4)]).reshape(2, 2, 160, 128, 3)
    nothing = np.zeros((2, 2, 1), np.float32)
    return ClipStack(
        bucket=Bucket(width=128, height=160, share=1.0),
        names=("a", "b"),
        frames=frames,
        parts=frames[..., 0],
        keypoints=nothing,
        scores=nothing,
        moving=2,
    )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_a_sample_is_a_crop_and_what_is_left_of_it(stack: ClipStack, seed: int) -> None:
    source, rng = EnlargeSource([stack]), np.random.default_rng(seed)
    height, width = source.bucket(rng)
    sample = source.sample((height, width), rng)
    assert {height, width} <= set(SIDES)
    assert sample.frames is not None
    assert sample.control.shape == (1, height, width, 3)
    assert sample.frames.shape == (1, height + 2 * REACH, width + 2 * REACH, 3)
    gaps = sample.frames[:, REACH:-REACH, REACH:-REACH].astype(float) - sample.control
    assert gaps.std() > 5  # detail is gone
    assert abs(gaps.mean()) < 5  # brightness is not


def test_the_same_generator_gives_the_same_sample(stack: ClipStack) -> None:
    source = EnlargeSource([stack])
    first, again, other = (
        source.sample((48, 64), np.random.default_rng(seed)).control for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_control_is_what_enlarging_shows() -> None:
    small = noise(12, 10)
    shown = _control(small, (40, 48), 4)[0].permute(1, 2, 0).numpy() * 255
    assert np.array_equal(shown[4:-4, 4:-4].round(), enlarged(small, (48, 40, 3)))


@pytest.mark.parametrize("factor", [1.5, 2.0, 4.0])
def test_a_picture_becomes_that_much_smaller(factor: float) -> None:
    small = lessened(noise(48, 36), Loss(factor=factor), np.random.default_rng(0))
    assert small.shape == (round(48 / factor), round(36 / factor), 3)


@pytest.mark.parametrize("fault", [{"blur": 0.8}, {"noise": 3.0}, {"quality": 70}])
def test_every_fault_changes_the_small_picture(fault: dict[str, float]) -> None:
    picture, rng = noise(48, 48), np.random.default_rng(0)
    clean = lessened(picture, Loss(factor=4.0), rng).astype(float)
    gap = np.abs(lessened(picture, Loss(factor=4.0, **fault), rng) - clean).mean()  # type: ignore[arg-type]
    assert 0.5 < gap < 20


def test_most_losses_are_the_largest_and_clean() -> None:
    drawn = [random_loss(np.random.default_rng(seed)) for seed in range(400)]
    assert 0.5 < np.mean([loss.factor == 4.0 for loss in drawn]) < 0.7
    clean = [(loss.blur, loss.noise, loss.quality) == (None,) * 3 for loss in drawn]
    assert 0.5 < np.mean(clean) < 0.75


def test_turning_keeps_all_pixels() -> None:
    picture = noise(6, 8)
    shapes = set()
    for seed in range(12):
        other = turned(picture, np.random.default_rng(seed))
        shapes.add(other.shape)
        assert np.array_equal(np.sort(other, axis=None), np.sort(picture, axis=None))
    assert shapes == {(6, 8, 3), (8, 6, 3)}


def test_of_two_windows_the_one_with_more_to_see_is_taken() -> None:
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, 64:] = noise(64, 64)
    taken = [busiest(picture, (64, 64), np.random.default_rng(seed)) for seed in range(40)]
    assert np.mean([window[1].start for window in taken]) > 38  # 32 by chance alone
    assert all(window[1].start % STEP == 0 for window in taken)


def test_small_pictures_give_smaller_crops() -> None:
    window = busiest(noise(40, 200), (96, 96), np.random.default_rng(0))
    assert noise(40, 200)[window].shape == (40, 96, 3)


def test_enlarging_is_smooth() -> None:
    large = enlarged(np.asarray(Image.new("RGB", (5, 4), (10, 20, 30))), (16, 20, 3))
    assert (large == (10, 20, 30)).all()


def test_detail_counts_by_how_much_there_is_not_by_where() -> None:
    bands = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    turned_over = bands.clone()
    turned_over[:, 1] *= -1
    assert detail_loss(turned_over, bands) == 0
    halved = bands.clone()
    halved[:, 1] /= 2
    assert detail_loss(halved, bands) == pytest.approx(0.5, abs=0.05)
    others = bands.clone()
    others[:, [0, 2, 3]] = 0
    assert detail_loss(others, bands) == 0
