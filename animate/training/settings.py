"""Settings of a training run; see ``animate.training.config`` for how a file becomes them."""

from __future__ import annotations

from dataclasses import dataclass

from animate.checks import check_choice, check_count, check_number
from animate.config import DEVICES

PRECISIONS = ("no", "bf16", "fp16")
OPTIMIZERS = ("adamw", "adamw8bit")
TRACKERS = ("none", "tensorboard", "wandb")


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """How a run goes, whatever it trains.

    steps: optimizer steps; batch: samples a process and part; accumulate: parts a step.
    rate: the learning rate's peak after warm_up steps, falling along a half cosine to
    rate * floor. clip: norm that gradients are cut to. ema: the average's decay, 0 for none.
    save_every, preview_every: in steps, 0 for never; keep: checkpoints that stay.
    precision: numbers of the forward pass; weights stay float32. checkpointing: compute the
    forward pass twice instead of keeping it. workers: processes that load data.
    """

    steps: int = 1000
    batch: int = 1
    accumulate: int = 1
    rate: float = 1e-5
    warm_up: int = 100
    floor: float = 0.05
    clip: float = 1.0
    ema: float = 0.999
    optimizer: str = "adamw"
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 1e-3
    precision: str = "no"
    checkpointing: bool = False
    seed: int = 0
    workers: int = 0
    device: str = "auto"
    save_every: int = 500
    keep: int = 2
    preview_every: int = 0
    tracker: str = "none"

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate", "keep"):
            check_count(name, getattr(self, name), at_least=1)
        for name in ("warm_up", "seed", "workers", "save_every", "preview_every"):
            check_count(name, getattr(self, name), at_least=0)
        for name in ("rate", "clip"):
            check_number(name, getattr(self, name), above=0.0)
        for name in ("floor", "ema", "beta1", "beta2"):
            check_number(name, getattr(self, name), at_least=0.0, at_most=1.0)
        check_number("weight_decay", self.weight_decay, at_least=0.0)
        choices = {"precision": PRECISIONS, "optimizer": OPTIMIZERS, "tracker": TRACKERS}
        for name, known in {**choices, "device": DEVICES}.items():
            check_choice(name, getattr(self, name), known)
