from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from animate.training import mini
from animate.training.animator import VideoTask, weight_at
from animate.training.batches import PART_WEIGHTS, ClipSource, LatentStack
from animate.training.data import Batch, Sample, stack
from animate.training.feed import Share
from animate.training.loop import Outcome, train
from animate.training.settings import LoopSettings, VideoLoss

LOSS = VideoLoss(log_mean=-1.6, sigma_min=mini.SIGMA_MIN, sigma_max=mini.SIGMA_MAX)
SETTINGS = LoopSettings(steps=15, batch=2, rate=2e-3, warm_up=1, device="cpu", save_every=0)
Parts = dict[str, nn.Module]


def batch_of(latents: list[LatentStack], size: int = 4, frames: int = 1) -> Batch:
    source, rng = ClipSource(latents[:1], frames), np.random.default_rng(0)
    return stack([source.sample(latents[0], rng) for _ in range(size)])


def loss_of(parts: Parts, batch: Batch, settings: VideoLoss = LOSS) -> torch.Tensor:
    rng = Share(seed=0, size=len(batch)).generators(0, 0)
    return VideoTask(parts, settings).loss(batch, rng)


def run(parts: Parts, latents: list[LatentStack], folder: Path, **settings: int) -> Outcome:
    frames = settings.pop("frames", 1)
    source = ClipSource(latents, frames)
    return train(VideoTask(parts, LOSS), source, replace(SETTINGS, **settings), folder)


def test_training_lowers_the_loss(
    video_parts: Parts, latents: list[LatentStack], tmp_path: Path
) -> None:
    batch = batch_of(latents, 6)
    before = float(loss_of(video_parts, batch))
    run(video_parts, latents, tmp_path)
    assert float(loss_of(video_parts, batch)) < 0.93 * before


def test_clips_train_every_part_and_the_temporal_layers(
    video_parts: Parts, latents: list[LatentStack], tmp_path: Path
) -> None:
    before = {n: v.clone() for n, v in nn.ModuleDict(video_parts).state_dict().items()}
    outcome = run(video_parts, latents, tmp_path, steps=2, frames=3)
    moved = {name for name, value in outcome.weights.items() if not value.equal(before[name])}
    assert any("temporal_res_block.conv2" in name for name in moved)
    assert {name.split(".")[0] for name in moved} == set(video_parts)


def test_control_left_out_is_no_control(video_parts: Parts, latents: list[LatentStack]) -> None:
    batch = batch_of(latents)
    dropped = replace(LOSS, control_dropout=1.0)
    other = replace(batch, control=torch.zeros_like(batch.control))
    assert loss_of(video_parts, batch, dropped) == loss_of(video_parts, other, dropped)
    assert loss_of(video_parts, batch) != loss_of(video_parts, other)


def test_reference_left_out_is_no_reference(video_parts: Parts, latents: list[LatentStack]) -> None:
    batch = batch_of(latents)
    dropped = replace(LOSS, reference_dropout=1.0)
    other = replace(batch, reference=torch.zeros_like(batch.reference))
    assert loss_of(video_parts, batch, dropped) == loss_of(video_parts, other, dropped)
    assert loss_of(video_parts, batch) != loss_of(video_parts, other)


def test_the_encoder_is_shown_drafts(video_parts: Parts, latents: list[LatentStack]) -> None:
    batch = replace(batch_of(latents), drafts=batch_of(latents).control)
    with pytest.raises(ValueError, match="autoencoder"):
        loss_of(video_parts, batch)
    parts = {**video_parts, "vae": mini.build_components()["vae"].requires_grad_(False)}
    other = replace(batch, drafts=torch.zeros_like(batch.control))
    assert loss_of(parts, batch) != loss_of(parts, other)
    assert loss_of(parts, replace(batch, drafts=None)) == loss_of(video_parts, batch_of(latents))


def test_a_sample_without_weights_counts_everywhere_alike() -> None:
    pixels = np.zeros((1, 8, 8, 3), np.uint8)
    plain = Sample(control=pixels, reference=pixels[0], frames=pixels)
    weighted = replace(plain, weight=np.full((1, 8, 8), 9, np.float32))
    batch = stack([weighted, plain])
    assert batch.weight is not None
    assert batch.weight.amin((1, 2, 3)).tolist() == [9, 1]
    assert batch.weight.amax((1, 2, 3)).tolist() == [9, 1]
    assert stack([plain, plain]).weight is None


def test_weights_reach_one_cell_beyond_a_part() -> None:
    parts = np.zeros((1, 1, 20, 20), np.uint8)
    parts[..., 8:12, 8:12] = 2
    weights = weight_at(torch.from_numpy(PART_WEIGHTS[parts]), (5, 5))
    assert weights is not None
    assert (weights[0, 0, 0, 1:4, 1:4] == PART_WEIGHTS[2]).all()
    assert weights.sum() == 9 * PART_WEIGHTS[2] + 16 * PART_WEIGHTS[0]


def test_frames_are_encoded_where_samples_bring_no_latents(
    video_parts: Parts, latents: list[LatentStack]
) -> None:
    batch = replace(batch_of(latents), latents=None)
    with pytest.raises(ValueError, match="autoencoder"):
        loss_of(video_parts, batch)
    vae = mini.build_components()["vae"].requires_grad_(False)
    framed = replace(batch, frames=batch.control)
    assert loss_of({**video_parts, "vae": vae}, framed).isfinite()
