import numpy as np
import pytest
import torch

from animate.training.batches import PART_WEIGHTS, LatentStack, part_weights, to_unit, track_like
from animate.training.corpus import ClipStack
from pose.skeleton import BODY, LEFT_HAND


@pytest.fixture(scope="module")
def stack(clips: list[ClipStack]) -> LatentStack:
    one = clips[0]
    latents = torch.arange(one.frames.shape[0] * one.frames.shape[1]).half()
    latents = latents.reshape(*one.frames.shape[:2], 1, 1, 1)
    size = (one.bucket.height // 4, one.bucket.width // 4)
    return LatentStack(clips=one, latents=latents.expand(-1, -1, 8, *size))


@pytest.mark.parametrize("frames", [1, 3])
def test_shapes_and_ranges(stack: LatentStack, frames: int) -> None:
    batch = stack.batch(2, frames, np.random.default_rng(0))
    height, width = stack.clips.bucket.height, stack.clips.bucket.width
    assert batch.latents.shape == (2, frames, 8, height // 4, width // 4)
    assert batch.reference.shape == (2, 8, height // 4, width // 4)
    assert batch.picture.shape == (2, 3, height, width)
    assert batch.control.shape == (2, frames, 3, height, width)
    assert batch.weight.shape == (2, frames, 1, height // 4, width // 4)
    assert 0 <= batch.control.min() < batch.control.max() <= 1
    assert PART_WEIGHTS[0] <= batch.weight.min() < batch.weight.max() <= max(PART_WEIGHTS)


@pytest.mark.parametrize("frames", [1, 3])
def test_the_reference_is_a_still_and_never_the_target(stack: LatentStack, frames: int) -> None:
    rng = np.random.default_rng(1)
    total, moving = stack.clips.frames.shape[1], stack.clips.moving
    for _ in range(20):
        batch = stack.batch(4, frames, rng)
        target, reference = batch.latents[:, 0, 0, 0, 0], batch.reference[:, 0, 0, 0]
        assert (reference % total >= moving).all()
        assert (target != reference).all()
        assert torch.equal(target // total, reference // total)


def test_frames_of_a_clip_follow_each_other(stack: LatentStack) -> None:
    batch = stack.batch(4, 2, np.random.default_rng(2))
    index = batch.latents[:, :, 0, 0, 0]
    assert torch.equal(index[:, 1], index[:, 0] + 1)


def test_pictures_become_unit_range() -> None:
    frames = np.array([[[[0, 127, 255]]]], np.uint8)
    torch.testing.assert_close(to_unit(frames).flatten(), torch.tensor([-1, -1 / 255, 1]))


def test_weights_reach_one_cell_beyond_a_part() -> None:
    parts = np.zeros((1, 20, 20), np.uint8)
    parts[0, 8:12, 8:12] = 2
    weights = part_weights(parts, (5, 5))[0, 0]
    assert (weights[1:4, 1:4] == PART_WEIGHTS[2]).all()
    assert weights.sum() == 9 * PART_WEIGHTS[2] + 16 * PART_WEIGHTS[0]


def test_a_tracker_shifts_a_hand_as_a_whole_and_loses_some() -> None:
    rng = np.random.default_rng(3)
    points, scores = np.zeros((133, 2), np.float32), np.ones(133, np.float32)
    lost, inner, outer = 0, [], []
    for _ in range(300):
        noisy, seen = track_like(points, scores, 128, rng)
        lost += int(seen[LEFT_HAND].max() == 0)
        inner.append(noisy[LEFT_HAND].std(axis=0).mean())
        outer.append(noisy[BODY].std(axis=0).mean())
    assert 8 <= lost <= 45
    assert np.mean(inner) < 0.5 * np.mean(outer)
    assert scores.min() == 1
