from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from animate.training import mini
from animate.training.animator import Animator, Phase, train_phase
from animate.training.autoencoder import train_autoencoder
from animate.training.batches import LatentStack
from animate.training.corpus import ClipStack
from animate.training.latents import encode_corpus, load_latents
from animate.training.schedule import Schedule
from animate.training.spatial import zero_temporal
from temporal.autoencoder import SmallTemporalAutoencoder
from temporal.controlnext import ControlNeXt
from temporal.inject import inject

SMALL_UNET = {"block_out_channels": (32, 32, 32), "num_attention_heads": (1, 1, 1)}
SMALL_ENCODER = {"num_hidden_layers": 1}
SMALL_CONTROL = {"stem_channels": (8, 8, 8), "block_channels": (8, 16), "out_channels": 32}


def components() -> dict[str, Any]:
    torch.manual_seed(0)
    encoder = CLIPVisionConfig(**{**mini.IMAGE_ENCODER, **SMALL_ENCODER})
    unet = UNetSpatioTemporalConditionModel(**{**mini.UNET, **SMALL_UNET})
    zero_temporal(unet)
    return {
        "unet": unet,
        "controlnext": ControlNeXt(**{**mini.CONTROLNEXT, **SMALL_CONTROL}),
        "image_encoder": CLIPVisionModelWithProjection(encoder),
    }


def phase(steps: int, frames: int = 1) -> Phase:
    schedule = Schedule(steps=steps, peak=2e-3, warm_up=1)
    return Phase(name="test", frames=frames, batch=2, schedule=schedule)


@pytest.fixture(scope="module")
def latents(
    corpus: Path, clips: list[ClipStack], tmp_path_factory: pytest.TempPathFactory
) -> list[LatentStack]:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encoded")
    SmallTemporalAutoencoder(**mini.VAE).save_pretrained(folder / "vae")
    encode_corpus(folder / "vae", corpus, folder / "latents")
    return [load_latents(stack, folder / "latents") for stack in clips]


def train(latents: list[LatentStack], state: Path, phase: Phase) -> tuple[Animator, list[float]]:
    animator, losses = Animator(components()), []
    train_phase(
        animator, latents, state, phase, seed=0, report=lambda *step: losses.append(step[2])
    )
    return animator, losses


@torch.no_grad()
def loss_on(animator: Animator, stack: LatentStack) -> float:
    batch = stack.batch(6, 1, np.random.default_rng(0))
    torch.manual_seed(0)
    with inject(animator.unet, animator.controlnext.injection) as injector:
        return float(animator.loss(batch, injector))


def test_training_lowers_the_loss(latents: list[LatentStack], tmp_path: Path) -> None:
    before = loss_on(Animator(components()), latents[0])
    animator, _ = train(latents, tmp_path / "state.pt", phase(15))
    assert loss_on(animator, latents[0]) < 0.7 * before


def test_clips_train_the_temporal_layers(latents: list[LatentStack], tmp_path: Path) -> None:
    before = Animator(components()).state_dict()
    animator, _ = train(latents, tmp_path / "state.pt", phase(2, frames=3))
    moved = {name for name, value in animator.state_dict().items() if not value.equal(before[name])}
    assert any("temporal_res_block.conv2" in name for name in moved)
    assert any("controlnext" in name for name in moved)
    assert any("image_encoder" in name for name in moved)


def test_a_finished_run_is_taken_up_unchanged(latents: list[LatentStack], tmp_path: Path) -> None:
    first, _ = train(latents, tmp_path / "state.pt", phase(2))
    again, losses = train(latents, tmp_path / "state.pt", phase(2))
    assert losses == []
    state = again.state_dict()
    assert all(value.equal(state[name]) for name, value in first.state_dict().items())


def test_every_trained_part_gets_gradients(latents: list[LatentStack]) -> None:
    animator = Animator(components())
    batch = latents[0].batch(1, 1, np.random.default_rng(0))
    torch.manual_seed(1)
    with inject(animator.unet, animator.controlnext.injection) as injector:
        animator.loss(batch, injector).backward()
    for part in (animator.unet, animator.controlnext, animator.image_encoder):
        assert any(p.grad is not None and p.grad.abs().max() > 0 for p in part.parameters())


def test_the_autoencoder_learns(clips: list[ClipStack], tmp_path: Path) -> None:
    torch.manual_seed(0)
    vae, losses = SmallTemporalAutoencoder(**mini.VAE), []
    train_autoencoder(
        vae,
        clips,
        tmp_path / "vae.pt",
        schedule=Schedule(steps=6, peak=2e-3, warm_up=1),
        seed=0,
        report=lambda *step: losses.append(step[2]),
    )
    assert losses[-1] < 0.85 * losses[0]
