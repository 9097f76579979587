"""What a training step costs: ControlNeXt against ControlNet, a LoRA, and the locked base alone.

python scripts/bench_training.py [--rounds 7] [--frames 4] [--batch 1] [--device cpu] [--full]

One model, one batch; the ways take turns, so that a busy machine slows them alike. Printed:
  trained   million weights
  seconds   of a step (forward, backward, optimizer), median; of the base alone: forward
  memory    MB of weights, gradients, optimizer and what the backward pass needs
The embedded model's structure, or with --full Stable Video Diffusion's, with random weights.
The last line is a JSON object; "pass": a ControlNeXt step takes less time and memory than a
ControlNet step.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from animate.training import mini
from animate.training.animator import VideoTask
from animate.training.data import Batch
from animate.training.feed import Share
from animate.training.methods import add_lora, open_base
from animate.training.settings import VideoLoss
from temporal.controlnet import ControlNet

LOSS = VideoLoss(sigma_min=mini.SIGMA_MIN, sigma_max=mini.SIGMA_MAX)
BASE = "locked base"
WAYS = (BASE, "controlnext none", "controlnext to_out", "controlnext all", "controlnet", "lora 16")
JUDGED = ("controlnext to_out", "controlnet")


class Uncontrolled(VideoTask):
    """The denoiser without any control."""

    def _control(self, *args: Any) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--size", default="128x192", help="of the pictures")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--full", action="store_true", help="Stable Video Diffusion's size")
    asked = parser.parse_args()
    batch = batch_of(asked)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    rows: dict[str, dict[str, float]] = {}
    steps = {way: prepare(way, asked, batch, rows) for way in WAYS}
    for _ in range(asked.rounds):
        for way, step in steps.items():
            seconds[way].append(timed(step, asked.device))
    print(f"{'way':<20} {'trained':>8} {'seconds':>8} {'memory':>8} {'to base':>8}")
    for way, row in rows.items():
        row["seconds"] = statistics.median(seconds[way])
        row["steps_a_second"] = 1 / row["seconds"]
        share = row["seconds"] / rows[BASE]["seconds"]
        cells = f"{row['trained']:>8.2f} {row['seconds']:>8.3f} {row['memory']:>8.0f}"
        print(f"{way:<20} {cells} {share:>8.2f}")
    ours, theirs = (rows[way] for way in JUDGED)
    ratios = {f"{name}_ratio": ours[name] / theirs[name] for name in ("seconds", "memory")}
    passed = max(ratios.values()) < 1
    print(
        json.dumps({"device": asked.device, "full": asked.full, **rows, **ratios, "pass": passed})
    )
    return 0 if passed else 1


def prepare(
    way: str, asked: argparse.Namespace, batch: Batch, rows: dict[str, dict[str, float]]
) -> Callable[[], None]:
    """One step of a way, after a first one that is measured for memory."""
    task = task_of(way, asked.full)
    task.place(torch.device(asked.device))
    trained = [p for p in task.module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, fused=True) if trained else None

    def step() -> None:
        rng = Share(seed=0, size=len(batch)).generators(0, 0)
        with (
            torch.set_grad_enabled(optimizer is not None),
            torch.autocast(asked.device, torch.bfloat16),
        ):
            loss = task.loss(batch, rng)
        if optimizer is not None:
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    weights = [p for part in task.parts.values() for p in part.parameters()]
    if asked.device == "cuda":
        memory = bytes_of(weights) + 2 * bytes_of(trained) + beyond_on_gpu(step)
    else:
        # Gradients and AdamW's two averages beside the trained weights.
        memory = bytes_of(weights) + 3 * bytes_of(trained) + kept_for_backward(step)
    rows[way] = {"trained": sum(p.numel() for p in trained) / 1e6, "memory": memory / 1e6}
    return step


def task_of(way: str, full: bool) -> VideoTask:
    """The model as a way trains it; always the same weights."""
    torch.manual_seed(0)
    parts = full_parts() if full else mini_parts()
    for part in parts.values():
        part.requires_grad_(False)
    method, _, detail = way.partition(" ")
    if method == "controlnext":
        parts["controlnext"].requires_grad_(True)
        open_base(parts["unet"], detail)
    elif method == "controlnet":
        del parts["controlnext"]
        halvings = 3 if full else 2
        part = ControlNet.from_unet(parts["unet"], halvings=halvings, control_look="official")
        parts["controlnet"] = part.requires_grad_(True)
    elif method == "lora":
        add_lora(parts["unet"], int(detail))
    return (Uncontrolled if way == BASE else VideoTask)(parts, LOSS)


def mini_parts() -> dict[str, nn.Module]:
    components = mini.build_components()
    return {name: components[name] for name in ("unet", "controlnext", "image_encoder")}


def full_parts() -> dict[str, nn.Module]:
    """SVD's UNet and encoder; the image encoder's size matters little."""
    from diffusers import UNetSpatioTemporalConditionModel
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    from temporal.controlnext import ControlNeXt

    unet = UNetSpatioTemporalConditionModel(num_attention_heads=(5, 10, 20, 20))
    vision = CLIPVisionConfig(**{**mini.IMAGE_ENCODER, "projection_dim": 1024})
    return {
        "unet": unet,
        "controlnext": ControlNeXt.from_variant("svd_v2_training"),
        "image_encoder": CLIPVisionModelWithProjection(vision),
    }


def batch_of(asked: argparse.Namespace) -> Batch:
    """Pictures and latents of noise."""
    width, height = map(int, asked.size.split("x"))
    down, channels = (8, 4) if asked.full else (4, mini.LATENT_CHANNELS)
    generator = torch.Generator().manual_seed(0)
    shape = (asked.batch, asked.frames)
    pictures = torch.randint(0, 256, (*shape, height, width, 3), generator=generator)
    latents = torch.randn((*shape, channels, height // down, width // down), generator=generator)
    return Batch(
        control=pictures.to(torch.uint8),
        reference=pictures[:, 0].to(torch.uint8),
        latents=latents.half(),
        reference_latents=latents[:, 0].half(),
    ).to(asked.device)


def timed(step: Callable[[], None], device: str) -> float:
    start = time.perf_counter()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def beyond_on_gpu(step: Callable[[], None]) -> float:
    """What a step allocates at most beyond what is there between steps."""
    step()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    step()
    return torch.cuda.max_memory_allocated() - before


def kept_for_backward(step: Callable[[], None]) -> float:
    """Bytes of all tensors that autograd keeps, weights left out."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        step()
    return float(sum(kept.values()))


def bytes_of(parameters: list[nn.Parameter]) -> int:
    return sum(p.numel() * p.element_size() for p in parameters)


if __name__ == "__main__":
    sys.exit(main())
