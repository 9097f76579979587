"""Processes, device and number format of a run, all left to accelerate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs

from animate.errors import UsageError
from animate.training.settings import LoopSettings

TRACKER_LOGS = "tensorboard"


def build_accelerator(settings: LoopSettings, folder: Path) -> Accelerator:
    """As launched and as asked for. Raises UsageError if that cannot be had here."""
    folder.mkdir(parents=True, exist_ok=True)
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
        accelerator = Accelerator(cpu=settings.device == "cpu", **options)
        if tracker:
            accelerator.init_trackers(TRACKER_LOGS)
    except (ValueError, ImportError) as error:
        raise UsageError(f"accelerate cannot start: {' '.join(str(error).split())}") from error
    if settings.device == "cuda" and accelerator.device.type != "cuda":
        raise UsageError("device cuda: torch finds no usable GPU here; use device cpu")
    deepspeed = getattr(accelerator.state, "deepspeed_plugin", None)
    if deepspeed is not None:  # it asks for what a data loader would have told it
        deepspeed.deepspeed_config["train_micro_batch_size_per_gpu"] = settings.batch
    return accelerator
