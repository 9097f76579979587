from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from animate.training.decoding import DecoderTask, contrast_loss
from animate.training.loop import train
from animate.training.mini_image import CONTROLS
from animate.training.portrait_source import PortraitSource, encode_portraits
from animate.training.portraits import Portraits
from animate.training.settings import LoopSettings, StillLoss

SETTINGS = LoopSettings(steps=8, batch=4, rate=2e-3, warm_up=1, ema=0.0, device="cpu", save_every=0)


def test_the_decoder_learns_and_nothing_else(
    image_parts: dict[str, Any], portraits: Portraits, tmp_path: Path
) -> None:
    vae = image_parts["vae"]
    source = PortraitSource([encode_portraits(vae, portraits)])
    others = {name: image_parts[name] for name in ("unet", "text_encoder", CONTROLS)}
    kept = {**others, "encoder": vae.encoder, "quant": vae.quant_conv}
    before = {name: [p.clone() for p in part.parameters()] for name, part in kept.items()}
    task = DecoderTask(image_parts, StillLoss(prompt_dropout=0.0))
    outcome = train(task, source, SETTINGS, tmp_path / "run")
    assert outcome.losses[-1] < 0.85 * outcome.losses[0]
    assert set(outcome.weights) == {f"decoder.{name}" for name in vae.decoder.state_dict()}
    for name, part in kept.items():
        assert all(map(torch.equal, part.parameters(), before[name])), name


def test_contrast_counts_by_how_strong_edges_are_not_by_where() -> None:
    edge = torch.zeros(1, 3, 8, 8)
    edge[..., 2:] = 1.0
    moved, soft = torch.roll(edge, -1, dims=-1), edge.clone()
    moved[..., -1] = 1.0
    soft[..., 1:3] = torch.tensor([1 / 3, 2 / 3])
    weight = torch.ones(1, 1, 8, 8)
    assert contrast_loss(edge, edge, weight) == 0
    assert contrast_loss(moved, edge, weight) < 1e-6
    assert contrast_loss(soft, edge, weight) > 0.05
    assert contrast_loss(soft, edge, 2 * weight) == 2 * contrast_loss(soft, edge, weight)
