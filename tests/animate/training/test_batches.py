import numpy as np
import pytest
import torch

from animate.training.batches import (
    CROP,
    PART_WEIGHTS,
    ClipSource,
    CropSource,
    LatentStack,
    track_like,
)
from animate.training.corpus import ClipStack
from pose.skeleton import BODY, LEFT_HAND


@pytest.fixture(scope="module")
def stack(clips: list[ClipStack]) -> LatentStack:
    """A stack whose latents are the numbers of their frames."""
    one = clips[0]
    latents = torch.arange(one.frames.shape[0] * one.frames.shape[1]).half()
    latents = latents.reshape(*one.frames.shape[:2], 1, 1, 1)
    size = (one.bucket.height // 4, one.bucket.width // 4)
    return LatentStack(clips=one, latents=latents.expand(-1, -1, 8, *size))


@pytest.mark.parametrize("frames", [1, 3])
def test_shapes_and_ranges(stack: LatentStack, frames: int) -> None:
    sample = ClipSource([stack], frames).sample(stack, np.random.default_rng(0))
    height, width = stack.clips.bucket.height, stack.clips.bucket.width
    assert sample.latents is not None
    assert sample.weight is not None
    assert sample.latents.shape == (frames, 8, height // 4, width // 4)
    assert sample.control.shape == (frames, height, width, 3)
    assert sample.reference.shape == (height, width, 3)
    assert sample.weight.shape == (frames, height, width)
    assert sample.control.max() > 0
    assert set(np.unique(sample.weight)) <= set(PART_WEIGHTS)
    assert sample.name in stack.clips.names


def test_drafts_are_nearer_to_the_frames_than_the_reference(stack: LatentStack) -> None:
    source, rng, errors = ClipSource([stack], 1, drafts=True), np.random.default_rng(3), []
    for _ in range(30):
        sample = source.sample(stack, rng)
        assert sample.drafts is not None
        assert sample.latents is not None
        clip, frame = divmod(int(sample.latents[0, 0, 0, 0]), stack.clips.frames.shape[1])
        truth = stack.clips.frames[clip, frame].astype(int)
        figure = stack.clips.parts[clip, frame] > 0
        tried = (sample.drafts[0], sample.reference)
        errors.append([np.abs(shown[figure] - truth[figure]).mean() for shown in tried])
    bent, still = np.mean(errors, axis=0)
    assert bent < 0.85 * still
    assert ClipSource([stack], 1).sample(stack, rng).drafts is None


@pytest.mark.parametrize("frames", [1, 3])
def test_the_reference_is_a_still_and_never_the_target(stack: LatentStack, frames: int) -> None:
    source, rng = ClipSource([stack], frames), np.random.default_rng(1)
    total, moving = stack.clips.frames.shape[1], stack.clips.moving
    for _ in range(60):
        sample = source.sample(stack, rng)
        assert sample.latents is not None
        assert sample.reference_latents is not None
        target, reference = sample.latents[0, 0, 0, 0], sample.reference_latents[0, 0, 0]
        assert reference % total >= moving
        assert target != reference
        assert target // total == reference // total


def test_frames_of_a_clip_follow_each_other(stack: LatentStack) -> None:
    sample = ClipSource([stack], 2).sample(stack, np.random.default_rng(2))
    assert sample.latents is not None
    assert sample.latents[1, 0, 0, 0] == sample.latents[0, 0, 0, 0] + 1


def test_sizes_are_drawn_by_their_number_of_clips(clips: list[ClipStack]) -> None:
    stacks = [LatentStack(clips=one, latents=torch.zeros(0)) for one in clips]
    source, rng = ClipSource(stacks, 1), np.random.default_rng(0)
    drawn = [stacks.index(source.bucket(rng)) for _ in range(300)]
    for index, one in enumerate(clips):
        share = len(one) / sum(map(len, clips))
        assert drawn.count(index) / 300 == pytest.approx(share, abs=0.1)


def test_crops_are_square_and_mostly_of_the_figure(clips: list[ClipStack]) -> None:
    source, rng = CropSource(clips), np.random.default_rng(0)
    samples = [source.sample(source.bucket(rng), rng) for _ in range(30)]
    assert all(s.frames is not None and s.frames.shape == (1, CROP, CROP, 3) for s in samples)
    assert np.mean([s.weight is not None and s.weight.max() > 1 for s in samples]) > 0.6


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
