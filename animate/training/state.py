"""A run's checkpoints: whole or not at all, and enough to go on bit for bit."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import nn

from animate.errors import OutputError
from animate.training.ema import Ema
from animate.training.errors import TrainingError

PREFIX = "step-"
PROGRESS = "progress.json"  # step, and what of the settings decides the numbers
WEIGHTS = "model.safetensors"  # accelerate's name
AVERAGES = "average_0.pt"
PARTIAL = ".partial"
MOST_TOLD = 160  # characters of a library's complaint
# What torch's and safetensors' own errors say of a full disk.
STORAGE_WORDS = (
    os.strerror(errno.ENOSPC),
    os.strerror(errno.EFBIG),
    "failed writing",
    "I/O error",
    "PytorchStreamWriter",
    "unexpected pos",
    "iostream",
)


class Checkpoints:
    """Checkpoints of one run in one folder, of which the newest ``keep`` stay.

    Of the weights only what is trained is written; with FSDP and DeepSpeed accelerate writes its
    own shards. identity: settings with which the run must go on; another run's state is refused.
    """

    def __init__(
        self,
        folder: Path,
        accelerator: Accelerator,
        ema: Ema,
        *,
        keep: int,
        identity: Mapping[str, Any],
    ) -> None:
        self.folder, self.accelerator, self.ema = folder, accelerator, ema
        self.keep, self.identity = keep, dict(identity)
        accelerator.register_save_state_pre_hook(_only_trained)
        accelerator.register_load_state_pre_hook(_load_trained)

    def resume(self) -> int:
        """Load the newest checkpoint and return its step; 0 if there is none."""
        found = checkpoints_in(self.folder)
        if not found:
            return 0
        newest = found[-1]
        try:
            progress = json.loads((newest / PROGRESS).read_text())
            identity, step = dict(progress["identity"]), int(progress["step"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise _damaged(newest, error) from error
        if identity != self.identity:
            raise TrainingError(
                f"{newest} belongs to a run with other settings "
                f"({_differences(identity, self.identity)}); name another output, or "
                "delete it"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of pickles that are refused anyway
                self.accelerator.load_state(str(newest))
                averages = torch.load(newest / AVERAGES, map_location="cpu", weights_only=True)
            self.ema.load(averages)
        except BaseException as error:  # whatever damage makes torch or accelerate raise
            if not _is_failure(error):
                raise
            raise _damaged(newest, error) from error
        # Restored with the rest, but of no use between steps: it would shift when accumulated
        # gradients are applied if batch and accumulate are divided otherwise than before.
        self.accelerator.step = 0
        return step

    def save(self, step: int) -> None:
        """Write a checkpoint. Raises OutputError, the earlier ones untouched, if it cannot."""
        target = self.folder / f"{PREFIX}{step:08d}"
        partial = target.with_suffix(PARTIAL)
        failure = None
        try:
            if self.accelerator.is_main_process:
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(parents=True)
            self.accelerator.wait_for_everyone()
            self._write(partial, step)
        except BaseException as error:
            if not (_is_failure(error) and _storage_failed(error)):
                raise
            failure = f"{error}"
        self._finish(target, partial, failure, step)

    def _write(self, partial: Path, step: int) -> None:
        self.accelerator.save_state(str(partial))
        main = self.accelerator.is_main_process
        averages = {name: value.cpu() for name, value in self.ema.gathered() if main}
        if main:
            torch.save(averages, partial / AVERAGES)
            progress = {"step": step, "identity": self.identity}
            (partial / PROGRESS).write_text(json.dumps(progress))

    def _finish(self, target: Path, partial: Path, failure: str | None, step: int) -> None:
        """Give the checkpoint its name if no process failed."""
        bad = torch.tensor(float(failure is not None), device=self.accelerator.device)
        failed = float(self.accelerator.reduce(bad, reduction="sum")) > 0
        if self.accelerator.is_main_process:
            if failed:
                shutil.rmtree(partial, ignore_errors=True)
            else:
                shutil.rmtree(target, ignore_errors=True)
                os.replace(partial, target)
                for old in checkpoints_in(self.folder)[: -self.keep]:
                    shutil.rmtree(old)
        self.accelerator.wait_for_everyone()
        if failed:
            raise OutputError(
                f"step {step}: the checkpoint cannot be written to {self.folder}: "
                f"{failure or 'another process failed'}; make room and run the same command to "
                f"go on from {_name_of_last(self.folder)}"
            )


def fingerprint(module: nn.Module) -> str:
    """Which weights of a module learn, in words that differ where names or shapes do."""
    trained = {n: tuple(p.shape) for n, p in module.named_parameters() if p.requires_grad}
    digest = hashlib.sha256(repr(sorted(trained.items())).encode()).hexdigest()[:8]
    numbers = sum(math.prod(shape) for shape in trained.values())
    return f"{numbers:,} numbers in {len(trained)} weights ({digest})"


def checkpoints_in(folder: Path) -> list[Path]:
    """Whole checkpoints, the oldest first."""
    return sorted(p for p in folder.glob(f"{PREFIX}*") if p.suffix != PARTIAL)


def _damaged(checkpoint: Path, error: BaseException) -> TrainingError:
    reason = " ".join(str(error).split())[:MOST_TOLD] or type(error).__name__
    return TrainingError(
        f"{checkpoint} is damaged or holds more than tensors, and was not loaded ({reason}); "
        "delete it, and the same command goes on from the one before"
    )


def _only_trained(models: list[nn.Module], weights: list[dict[str, Any]], folder: str) -> None:
    # Empty for FSDP and DeepSpeed, which write their own.
    for index, model in enumerate(models[: len(weights)]):
        bare = _unwrapped(model)
        weights[index] = {
            name: parameter.detach().contiguous()
            for name, parameter in bare.named_parameters()
            if parameter.requires_grad
        }


def _load_trained(models: list[nn.Module], folder: str) -> None:
    while models:  # what is taken from the list, accelerate does not load
        model = _unwrapped(models.pop())
        model.load_state_dict(load_file(Path(folder) / WEIGHTS), strict=False)


def _unwrapped(model: nn.Module) -> nn.Module:
    distributed = isinstance(model, nn.parallel.DistributedDataParallel)
    bare: nn.Module = model.module if distributed else model  # type: ignore[assignment]
    return bare


def _is_failure(error: BaseException) -> bool:
    """Not what ends a program; torch's error of sharded checkpoints is no Exception."""
    return isinstance(error, Exception) or type(error).__name__ == "CheckpointException"


def _storage_failed(error: BaseException) -> bool:
    """Whether a library says in its own words that the file system refused."""
    if isinstance(error, OSError):
        return True
    said = str(error).lower()
    return any(word.lower() in said for word in STORAGE_WORDS)


def _differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    names = sorted({*stored, *asked})
    return ", ".join(
        f"{name} {stored.get(name)}, now {asked.get(name)}"
        for name in names
        if stored.get(name) != asked.get(name)
    )


def _name_of_last(folder: Path) -> str:
    found = checkpoints_in(folder)
    return found[-1].name if found else "the beginning"
