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
from animate.training.__main__ import leave
from animate.training.loop import train
from tests.animate.training.toy import SETTINGS, LinearTask, NoiseSource

WEIGHTS = "weights.pt"
TOY = replace(SETTINGS, steps=4, batch=4, accumulate=2)  # as one process sees it


def spread_on_cpu() -> None:
    """Make accelerate believe that it may spread weights."""
    PartialState(cpu=True)
    PartialState._shared_state["distributed_type"] = DistributedType.MULTI_XPU


def toy(folder: Path, precision: str) -> int:
    """Train the toy, and leave the weights beside its checkpoints."""
    settings = replace(TOY, precision=precision, batch=TOY.batch // 2)
    outcome = train(LinearTask(), NoiseSource(), settings, folder)
    if outcome.main:
        torch.save(outcome.weights, folder / WEIGHTS)
    return 0


if __name__ == "__main__":
    spread_on_cpu()
    what = Path(sys.argv[1])
    if what.suffix == ".yaml":
        leave(main(["train", "--quiet", str(what)]))
    leave(toy(what, precision=sys.argv[2]))
