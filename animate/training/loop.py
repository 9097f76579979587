"""The one training loop: any task, any source, one process or many, through accelerate."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from animate.errors import UsageError
from animate.training.accelerator import build_accelerator
from animate.training.data import Batch, Source
from animate.training.ema import Ema
from animate.training.errors import TrainingError
from animate.training.feed import Share, feed
from animate.training.optimize import build_optimizer
from animate.training.schedule import Schedule
from animate.training.settings import LoopSettings
from animate.training.sharding import autocast, is_sharded, lay_out, whole
from animate.training.state import Checkpoints, fingerprint
from animate.training.task import Generators, Preview, Task

CHECKPOINTS = "checkpoints"
PREVIEWS = "previews"
LOG = "log.jsonl"  # one line a step: step, loss, rate, norm

Report = Callable[[int, int, float], None]  # step, steps, loss


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run. weights: the averaged state dict, complete, on the main process only;
    losses: of this process's steps since it was started; skipped: broken samples, in words."""

    weights: dict[str, Tensor]
    losses: list[float]
    skipped: list[str] = field(default_factory=list)
    main: bool = True


class Step(nn.Module):
    """A task's loss as a forward pass, which is what accelerate wraps."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.trained = task.module
        self._loss = task.loss

    def forward(self, batch: Batch, rng: Generators) -> Tensor:
        """See ``Task.loss``."""
        return self._loss(batch, rng)


def train(
    task: Task,
    source: Source,
    settings: LoopSettings,
    folder: Path,
    *,
    report: Report = lambda step, steps, loss: None,
    preview: Preview | None = None,
) -> Outcome:
    """Train, going on from the newest checkpoint in ``folder``, and leave the averaged weights.

    Raises TrainingError for a loss that is not finite or for broken data, OutputError if a
    checkpoint cannot be written, UsageError for settings that cannot be met here.
    """
    return _Run(task, source, settings, folder, preview).go(report)


class _Run:
    """One run: the wrapped parts and the way through the steps."""

    def __init__(
        self,
        task: Task,
        source: Source,
        settings: LoopSettings,
        folder: Path,
        preview: Preview | None,
    ) -> None:
        self.source, self.settings, self.folder = source, settings, folder
        self.preview = preview
        self.accelerator = build_accelerator(settings, folder)
        self.schedule = Schedule(
            steps=settings.steps,
            peak=settings.rate,
            warm_up=settings.warm_up,
            floor=settings.floor,
        )
        task.place(self.accelerator.device)
        lay_out(self.accelerator, task.module)
        optimizer = build_optimizer(task.module, task.rates, settings)
        self.model, self.optimizer = _prepared(self.accelerator, Step(task), optimizer)
        self.bare = self.accelerator.unwrap_model(self.model)
        self.ema = Ema(self.bare, settings.ema)
        self.share = Share(
            seed=settings.seed,
            size=settings.batch,
            parts=settings.accumulate,
            process=self.accelerator.process_index,
            processes=self.accelerator.num_processes,
        )
        self.checkpoints = Checkpoints(
            folder / CHECKPOINTS,
            self.accelerator,
            self.ema,
            keep=settings.keep,
            identity=self._identity(),
        )
        self.skipped: list[str] = []

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with to be gone on from."""
        settings, processes = self.settings, self.share.processes
        samples = settings.batch * settings.accumulate * processes
        identity: dict[str, Any] = {"seed": settings.seed, "samples a step": samples}
        identity |= {"optimizer": settings.optimizer, "trained": fingerprint(self.bare)}
        if is_sharded(self.accelerator):  # whose files are of another form
            identity["weights spread by"] = self.accelerator.distributed_type.value
        return identity

    def go(self, report: Report) -> Outcome:
        settings = self.settings
        start = self.checkpoints.resume()
        if self.accelerator.is_main_process:
            _forget_after(self.folder / LOG, start)
        losses: list[float] = []
        stream = feed(
            self.source, self.share, first=start, steps=settings.steps, workers=settings.workers
        )
        self.model.train()
        for step, batches in enumerate(stream, start=start):
            self.schedule.apply(self.optimizer, step)
            loss, norm = self._step(step, batches)
            self.ema.update(step)
            losses.append(loss)
            done = step + 1
            self._log(done, loss, norm)
            if self.accelerator.is_main_process:
                report(done, settings.steps, loss)
            if done == settings.steps or _due(done, settings.save_every):
                self.checkpoints.save(done)
            if _due(done, settings.preview_every):
                self._preview(done)
        return self._finish(losses)

    def _step(self, step: int, batches: list[Batch]) -> tuple[float, float]:
        """One optimizer step; the loss, averaged over all processes, and the gradient's norm."""
        total = torch.zeros((), device=self.accelerator.device)
        mean = norm = 0.0
        for part, batch in enumerate(batches):
            self.skipped += batch.skipped
            rng = self.share.generators(step, part)
            with self.accelerator.accumulate(self.model):
                with autocast(self.accelerator):
                    loss = self.model(batch.to(self.accelerator.device), rng)
                total += loss.detach() / len(batches)
                last = part == len(batches) - 1
                if last:  # and before the backward pass, with which DeepSpeed moves the weights
                    mean = float(self.accelerator.reduce(total, reduction="mean"))
                    self._check(mean, "loss", step, batches)
                self.accelerator.backward(loss)
                if last:
                    norm = self._clip(step, batches)
                self.optimizer.step()
                self.optimizer.zero_grad()
        return mean, norm

    def _clip(self, step: int, batches: list[Batch]) -> float:
        trained = [p for p in self.model.parameters() if p.requires_grad]
        norm = self.accelerator.clip_grad_norm_(trained, self.settings.clip)
        if isinstance(norm, Tensor):  # DeepSpeed clips by itself, and may tell a number or nothing
            norm = whole(norm)
        value = math.nan if norm is None else float(norm)
        # Scaled gradients may overflow: such steps are left out, and the scale is lowered.
        if norm is not None and self.accelerator.mixed_precision != "fp16":
            self._check(value, "gradient", step, batches)
        return value

    def _check(self, value: float, what: str, step: int, batches: list[Batch]) -> None:
        """Stop before a number that is none reaches the weights."""
        if math.isfinite(value):
            return
        names = gather_object([name for batch in batches for name in batch.names])
        raise TrainingError(
            f"step {step + 1}: the {what} is {value}; the samples were {', '.join(names) or '?'}; "
            f"lower rate ({self.settings.rate:g}), use precision bf16 or no, or look at those "
            "samples; the last checkpoint is whole, and the same command goes on from it"
        )

    def _log(self, done: int, loss: float, norm: float) -> None:
        values = {"loss": loss, "rate": self.schedule.rate(done - 1), "norm": norm}
        if self.accelerator.is_main_process:
            with (self.folder / LOG).open("a") as file:
                file.write(json.dumps({"step": done, **values}) + "\n")
        self.accelerator.log(values, step=done)

    def _preview(self, done: int) -> None:
        """Let the main process look at the averaged weights, which it must have whole."""
        if self.preview is None or is_sharded(self.accelerator):
            return
        if self.accelerator.is_main_process:
            folder = self.folder / PREVIEWS / f"{done:08d}"
            folder.mkdir(parents=True, exist_ok=True)
            self.model.eval()
            with self.ema.in_place(), torch.no_grad():
                figures = dict(self.preview(folder))
            self.model.train()
            (folder / "figures.json").write_text(json.dumps(figures, indent=1))
            self.accelerator.log({f"preview/{k}": v for k, v in figures.items()}, step=done)
        self.accelerator.wait_for_everyone()

    def _finish(self, losses: list[float]) -> Outcome:
        self.ema.copy_to_module()
        weights = self.accelerator.get_state_dict(self.model)
        start = len("trained.")
        skipped = gather_object(self.skipped)
        # Gloo's threads must have let go of what was gathered: else ending their group may hang.
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()
        return Outcome(
            weights={name[start:]: value.detach().cpu() for name, value in (weights or {}).items()},
            losses=losses,
            skipped=list(skipped),
            main=self.accelerator.is_main_process,
        )


def _prepared(accelerator: Accelerator, step: Step, optimizer: torch.optim.Optimizer) -> Any:
    """Both as accelerate wraps them. Raises UsageError for a configuration that does not fit."""
    try:
        return accelerator.prepare(step, optimizer)
    except (ValueError, KeyError, NotImplementedError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"accelerate cannot prepare the model as configured: {reason}") from error


def _forget_after(log: Path, step: int) -> None:
    """Cut off the lines of steps that will be done again."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    log.write_text("".join(lines[:step]))


def _due(done: int, every: int) -> bool:
    return every > 0 and done % every == 0
