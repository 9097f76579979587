"""Which axes of SD3's tokens the control should be normalised over: three tried on a toy world.

    python scripts/bench_sd3_axes.py [--steps 300] [--base-steps 600]

A tiny transformer learns squares on coloured ground; then, for every choice, a control encoder
learns to put the square where its outline is, with the transformer locked. Told is the held-out
loss without control and with it, once for plain tokens and once for tokens with two channels of
30 times the others' spread, as trained transformers have them ("massive activations", Sun et al.
2024). The last line is one JSON object; "pass": with the axes that SD3's site has, control
lowers the loss by at least 4 % for both kinds of tokens, and no other axes lower it further by more
than 1 %, which other seeds can turn.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import SD3Transformer2DModel
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from temporal.controlnext import ControlNeXt
from temporal.crossnorm import AXES
from temporal.inject import inject
from temporal.sites import find_site

WIDTH, SIDE, PIXELS, BATCH = 64, 16, 8, 16  # of a token; latents; pixels a latent; samples
LAYERS, OUTLIERS, LOUD = 4, 2, 30.0
GAIN, CLOSE = 0.96, 1.01  # most of the loss without control, and of the best axes' loss


def squares(count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Latents (N, 4, 16, 16) of squares on coloured ground, outlines (N, 3, 128, 128)."""
    ground, paint = torch.randn(2, count, 4, 1, 1, generator=rng)
    corner = torch.randint(1, SIDE - 7, (count, 2), generator=rng)
    side = torch.randint(4, 7, (count,), generator=rng)
    rows = torch.arange(SIDE * PIXELS)
    masks = []
    for inset in (0, 3):
        low = corner * PIXELS + inset
        high = (corner + side[:, None]) * PIXELS - inset
        inside = [(rows >= low[:, axis, None]) & (rows < high[:, axis, None]) for axis in (0, 1)]
        masks.append((inside[0][:, :, None] & inside[1][:, None, :]).float()[:, None])
    shape = F.avg_pool2d(masks[0], PIXELS)
    clean = ground * (1 - shape) + paint * shape
    return clean, (masks[0] - masks[1]).expand(-1, 3, -1, -1)


def make_base(loud: bool) -> SD3Transformer2DModel:
    torch.manual_seed(0)
    model = SD3Transformer2DModel(
        sample_size=SIDE,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=LAYERS,
        attention_head_dim=16,
        num_attention_heads=4,
        joint_attention_dim=8,
        caption_projection_dim=WIDTH,
        pooled_projection_dim=8,
        pos_embed_max_size=16,
    )
    if loud:
        with torch.no_grad():
            model.pos_embed.proj.weight[:OUTLIERS] *= LOUD
            model.pos_embed.proj.bias[:OUTLIERS] = LOUD
    return model


def loss(model: SD3Transformer2DModel, rng: torch.Generator, control: object = None) -> Tensor:
    """Rectified flow on one batch; control: (encoder, injector)."""
    clean, outline = squares(BATCH, rng)
    noise = torch.randn(clean.shape, generator=rng)
    share = torch.sigmoid(torch.randn(BATCH, generator=rng))
    noisy = torch.lerp(clean, noise, share[:, None, None, None])
    if control is not None:
        encoder, injector = control  # type: ignore[misc]
        injector.set(encoder(outline, share * 1000))
    said = model(
        hidden_states=noisy,
        timestep=share * 1000,
        encoder_hidden_states=torch.zeros(BATCH, 1, 8),
        pooled_projections=torch.zeros(BATCH, 8),
    ).sample
    return F.mse_loss(said, noise - clean)


def learn(parameters: list[Tensor], steps: int, step_loss: object, rate: float) -> None:
    optimizer = torch.optim.AdamW(parameters, lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        step_loss().backward()  # type: ignore[operator]
        optimizer.step()


def judge(model: SD3Transformer2DModel, control: object = None) -> float:
    rng = torch.Generator().manual_seed(99)
    with torch.no_grad():
        return float(torch.stack([loss(model, rng, control) for _ in range(8)]).mean())


def compare(loud: bool, base_steps: int, steps: int) -> dict[str, float]:
    model, rng = make_base(loud), torch.Generator().manual_seed(1)
    learn(list(model.parameters()), base_steps, lambda: loss(model, rng), 1e-3)
    model.requires_grad_(False)
    figures = {"off": judge(model)}
    print(f"loud {loud}: off {figures['off']:.4f}", flush=True)
    for over in AXES:
        torch.manual_seed(2)
        encoder = ControlNeXt(
            stem_channels=(8, 8, 16), stem_padding=1, block_channels=(16, 32), out_channels=WIDTH
        )
        site = replace(find_site(f"transformer_blocks.{LAYERS // 2}:before"), over=over, eps=1e-6)
        rng.manual_seed(3)
        with inject(model, site) as injector:
            control = (encoder, injector)
            learn(
                list(encoder.parameters()),
                steps,
                lambda control=control: loss(model, rng, control),
                5e-4,
            )
            figures[over] = judge(model, control)
        print(f"loud {loud}: {over} {figures[over]:.4f}", flush=True)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base-steps", type=int, default=600)
    parser.add_argument("--steps", type=int, default=300)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    figures = {
        name: compare(loud, asked.base_steps, asked.steps)
        for name, loud in (("plain", False), ("loud", True))
    }
    chosen = find_site("sd3").over
    good = all(
        told[chosen] <= min(GAIN * told["off"], CLOSE * min(told[over] for over in AXES))
        for told in figures.values()
    )
    print(json.dumps({**figures, "chosen": chosen, "pass": good}))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
