from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from animate.training.data import Batch, stack
from animate.training.feed import Share
from animate.training.joint import JointTask
from animate.training.loop import train
from animate.training.mini_image import CONTROLS, KINDS
from animate.training.portrait_source import PortraitSource, encode_portraits
from animate.training.portraits import Portraits
from animate.training.settings import LoopSettings, StillLoss


@pytest.fixture
def source(image_parts: dict[str, Any], portraits: Portraits) -> PortraitSource:
    return PortraitSource([encode_portraits(image_parts["vae"], portraits)])


def batch_of(source: PortraitSource, kinds: tuple[str, ...]) -> Batch:
    """Samples of these kinds of maps, one each, none for ""."""
    samples = []
    for seed in range(500):
        sample = source.sample(source.stacks[0], np.random.default_rng(seed))
        if len(samples) < len(kinds) and sample.kind == kinds[len(samples)]:
            samples.append(sample)
    return stack(samples)


def loss_of(task: JointTask, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        return task.loss(batch, Share(seed=0, size=len(batch)).generators(0, 0))


def task_of(parts: dict[str, Any], dropout: float = 0.0) -> JointTask:
    return JointTask(parts, StillLoss(prompt_dropout=dropout))


def test_every_part_but_the_autoencoder_learns(
    image_parts: dict[str, Any], source: PortraitSource
) -> None:
    task = task_of(image_parts)
    batch = batch_of(source, KINDS)
    task.loss(batch, Share(seed=0, size=4).generators(0, 0)).backward()
    for name in ("unet", "text_encoder"):
        assert all(p.grad is not None for p in image_parts[name].parameters()), name
    for kind in KINDS:
        assert all(p.grad is not None for p in image_parts[CONTROLS][kind].parameters()), kind
    assert all(p.grad is None for p in image_parts["vae"].parameters())


def test_each_map_is_read_by_its_own_encoder(
    image_parts: dict[str, Any], source: PortraitSource
) -> None:
    task, batch = task_of(image_parts), batch_of(source, KINDS)
    time = torch.full((4,), 500)
    features, scale = task.features(batch, time)
    assert features is not None
    assert scale.tolist() == [1.0] * 4
    shown = batch.control[:, 0].permute(0, 3, 1, 2).float() / 255
    for place, kind in enumerate(KINDS):
        alone = image_parts[CONTROLS][kind](shown[place : place + 1], 500)
        assert torch.allclose(features[place : place + 1], alone, atol=1e-5)


def test_a_sample_without_a_map_has_no_control(
    image_parts: dict[str, Any], source: PortraitSource
) -> None:
    task, batch = task_of(image_parts), batch_of(source, ("", ""))
    other = replace(batch, control=torch.full_like(batch.control, 255))
    assert task.features(batch, torch.zeros(2))[0] is None
    assert loss_of(task, batch) == loss_of(task, other)


def test_the_prompt_is_heard_unless_it_is_dropped(
    image_parts: dict[str, Any], source: PortraitSource
) -> None:
    batch = batch_of(source, KINDS)
    other = replace(batch, captions=("a red shirt",) * 4)
    heard, deaf = task_of(image_parts), task_of(image_parts, dropout=1.0)
    assert loss_of(heard, batch) != loss_of(heard, other)
    assert loss_of(deaf, batch) == loss_of(deaf, other)


def test_training_lowers_the_loss(
    image_parts: dict[str, Any], source: PortraitSource, tmp_path: Path
) -> None:
    task, batch = task_of(image_parts), batch_of(source, (*KINDS, ""))
    before = loss_of(task, batch)
    settings = LoopSettings(
        steps=6, batch=4, rate=2e-3, warm_up=1, ema=0.0, save_every=0, device="cpu"
    )
    train(task, source, settings, tmp_path / "run")
    assert loss_of(task, batch) < before
