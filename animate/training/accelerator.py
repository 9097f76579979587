"""Processes, device and number format of a run, all left to accelerate."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.tracking import get_available_trackers
from accelerate.utils import DistributedDataParallelKwargs, parse_flag_from_env

from animate.errors import UsageError
from animate.training.settings import LoopSettings
from animate.training.sharding import check_offered, settle

# What a tracker puts a run under: a folder in the output, a project.
TRACKED_AS = {"tensorboard": "tensorboard", "wandb": "animate"}
EXTRAS = {"tensorboard": "train", "wandb": "wandb"}
# The others wait while one process draws a preview; torch's own limit is 10 minutes with GPUs.
PATIENCE = timedelta(hours=6)
MOST_TOLD = 300  # characters of a library's complaint


def build_accelerator(settings: LoopSettings, folder: Path) -> Accelerator:
    """As launched and as asked for. Raises UsageError if that cannot be had here."""
    folder.mkdir(parents=True, exist_ok=True)
    _check_tracker(settings.tracker)
    on_cpu = settings.device == "cpu" or parse_flag_from_env("ACCELERATE_USE_CPU")
    tracker = None if settings.tracker == "none" else settings.tracker
    # Some weights have no gradient in some steps: where control or reference is left out.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    options: dict[str, Any] = {
        "gradient_accumulation_steps": settings.accumulate,
        "mixed_precision": settings.precision,
        "log_with": tracker,
        "project_dir": str(folder),
        "kwargs_handlers": [unused],
    }
    try:
        state = PartialState(cpu=on_cpu, timeout=PATIENCE)
        _check_device(settings, state)
        # An earlier run of this process may have had another precision.
        if state.num_processes == 1:
            AcceleratorState._reset_state()
        accelerator = Accelerator(cpu=on_cpu, **options)
    except (ValueError, ImportError) as error:
        raise UsageError(f"accelerate cannot start: {_told(error)}") from error
    settle(accelerator, settings)
    if tracker:
        _track(accelerator, tracker, folder)
    return accelerator


def _check_device(settings: LoopSettings, state: PartialState) -> None:
    """Refuse what accelerate would silently do without."""
    device = state.device.type
    launched = int(os.environ.get("WORLD_SIZE", "1")) if "LOCAL_RANK" in os.environ else 1
    if settings.device == "cuda" and device != "cuda":
        raise UsageError("device cuda: torch finds no usable GPU here; use device cpu")
    if settings.precision == "fp16" and device == "cpu":
        raise UsageError("precision fp16 needs a GPU, and this run is on the CPU; use bf16 or no")
    if launched > 1 and state.num_processes == 1:
        raise UsageError(
            f"{launched} processes were launched, and torch finds no GPUs for them: each would "
            "train alone; say loop.device=cpu to share the work on the CPU"
        )
    check_offered(state)


def _check_tracker(tracker: str) -> None:
    # Of a tracker that is not there accelerate would make none, with a warning.
    if tracker != "none" and tracker not in map(str, get_available_trackers()):
        extra = f"pip install 'animate-controlnext[{EXTRAS[tracker]}]'"
        raise UsageError(f"tracker {tracker} needs {tracker}: {extra}, or use tracker none")


def _track(accelerator: Accelerator, tracker: str, folder: Path) -> None:
    kept_in: dict[str, Any] = {"wandb": {"dir": str(folder)}}
    try:
        accelerator.init_trackers(TRACKED_AS[tracker], init_kwargs=kept_in)
    except Exception as error:  # wandb has errors of its own, of accounts and networks
        raise UsageError(f"tracker {tracker} cannot start: {_told(error)}") from error


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:MOST_TOLD] or type(error).__name__
