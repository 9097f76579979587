"""One of several CPU processes over which the weights of a run are spread.

accelerate offers FSDP for GPUs only, though torch's second version of it works on any device. So
the process group, which is gloo's, is called one of GPUs here; all the rest is as launched.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import DistributedType, PartialState

from animate.cli import main
from animate.training.loop import train
from tests.animate.training.toy import SETTINGS, LinearTask, NoiseSource

WEIGHTS = "weights.pt"


def spread_on_cpu() -> None:
    """Make accelerate believe that it may spread weights."""
    PartialState(cpu=True)
    PartialState._shared_state["distributed_type"] = DistributedType.MULTI_XPU


def toy(folder: Path) -> int:
    """Train the toy, and leave the weights beside its checkpoints."""
    outcome = train(LinearTask(), NoiseSource(), replace(SETTINGS, steps=4, accumulate=2), folder)
    if outcome.main:
        torch.save(outcome.weights, folder / WEIGHTS)
    return 0


if __name__ == "__main__":
    spread_on_cpu()
    what = Path(sys.argv[1])
    sys.exit(main(["train", "--quiet", str(what)]) if what.suffix == ".yaml" else toy(what))
