from pathlib import Path

import torch

from animate.training import mini
from animate.training.autoencoder import AutoencoderTask, settle_posterior, whitening_loss
from animate.training.batches import CropSource
from animate.training.corpus import ClipStack
from animate.training.loop import train
from animate.training.settings import LoopSettings
from temporal.autoencoder import SmallTemporalAutoencoder

SETTINGS = LoopSettings(steps=6, batch=4, rate=2e-3, warm_up=1, device="cpu", save_every=0)


def test_the_autoencoder_learns_and_is_written(clips: list[ClipStack], tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = AutoencoderTask(SmallTemporalAutoencoder(**mini.VAE))
    outcome = train(task, CropSource(clips), SETTINGS, tmp_path / "run")
    assert outcome.losses[-1] < 0.85 * outcome.losses[0]
    task.export(tmp_path / "vae", outcome.weights)
    loaded = SmallTemporalAutoencoder.from_pretrained(tmp_path / "vae")
    pairs = zip(loaded.parameters(), task.vae.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_white_latents_are_not_pulled() -> None:
    latents = torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert whitening_loss(latents) < 1e-4 < whitening_loss(latents + 0.5)
    assert whitening_loss(3 * latents) > 1


def test_a_settled_posterior_is_its_middle() -> None:
    torch.manual_seed(0)
    vae = SmallTemporalAutoencoder(**mini.VAE)
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        before = vae.encode(pictures).latent_dist
        settle_posterior(vae)
        after = vae.encode(pictures).latent_dist
    assert torch.equal(before.mode(), after.mode())
    assert (before.sample() - before.mode()).abs().max() > 1
    assert (after.sample() - after.mode()).abs().max() < 1e-3
