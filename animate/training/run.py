"""A whole run from its settings: model, data, loop, result."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from animate.layouts import whole_folder
from animate.progress import Report, unheard
from animate.training.animator import VideoTask
from animate.training.data import Source
from animate.training.dataset import PreparedDataset
from animate.training.export import VideoExport
from animate.training.loop import Outcome, train
from animate.training.loop import Report as StepReport
from animate.training.methods import load_video, prepare_video
from animate.training.settings import DataSettings, StillLoss, TrainSettings, VideoLoss
from animate.training.spatial import tune_for_cpu
from animate.training.task import Preview, Task

RESULT = "result"
SETTINGS = "settings.json"


def run(
    settings: TrainSettings,
    *,
    say: Report = unheard,
    on_step: StepReport = lambda step, steps, loss: None,
) -> Outcome:
    """Train as the settings say and write the result into ``output/result``.

    The same settings go on from the last checkpoint. Raises AnimateError.
    """
    folder = Path(settings.output)
    folder.mkdir(parents=True, exist_ok=True)
    task, source, preview = build(settings)
    say(describe(task, source))
    outcome = train(task, source, settings.loop, folder, report=on_step, preview=preview)
    if outcome.skipped:
        say(f"{len(outcome.skipped)} broken samples were left out, the first: {outcome.skipped[0]}")
    if outcome.main:
        with whole_folder(folder / RESULT, overwrite=True) as result:
            task.export(result, outcome.weights)
            (result / SETTINGS).write_text(json.dumps(asdict(settings), indent=1) + "\n")
        for line in task.notes():
            say(line)
        say(f"Wrote {folder / RESULT}: {', '.join(sorted(p.name for p in result_of(folder)))}")
    return outcome


def result_of(folder: Path) -> list[Path]:
    """What a run's result consists of."""
    return [path for path in (folder / RESULT).iterdir() if path.name != SETTINGS]


def build(settings: TrainSettings) -> tuple[Task, Source, Preview | None]:
    """Everything the loop needs. Raises AnimateError or temporal.CheckpointError."""
    return _stills(settings) if settings.model.family != "svd" else _video(settings)


def _stills(settings: TrainSettings) -> tuple[Task, Source, Preview | None]:
    from animate.training.still_models import build_still_task
    from animate.training.still_preview import StillPreview

    assert isinstance(settings.loss, StillLoss)
    checkpointing = settings.loop.checkpointing
    task = build_still_task(
        settings.model, settings.loss, settings.export, checkpointing=checkpointing
    )
    source = prepared(settings.data, "openpose", frames=1)
    preview = None
    if settings.loop.preview_every:
        preview = StillPreview(task, source, settings.preview)
    return task, source, preview


def _video(settings: TrainSettings) -> tuple[Task, Source, Preview | None]:
    assert isinstance(settings.loss, VideoLoss)
    pipeline = load_video(settings.model)
    parts, rates = prepare_video(
        pipeline, settings.model, checkpointing=settings.loop.checkpointing
    )
    if settings.loop.device == "cpu" or not torch.cuda.is_available():
        for part in (pipeline.unet, pipeline.controlnext, pipeline.vae):
            tune_for_cpu(part)
    write = VideoExport(settings.model, settings.export)
    loss = within(settings.loss, pipeline.scheduler.config)
    task = VideoTask(parts, loss, rates=rates, write=write)
    look = str(pipeline.controlnext.config["control_look"])
    source = prepared(settings.data, look, drafts=pipeline.controlnext.sees_draft)
    preview = None
    if settings.loop.preview_every:
        from animate.training.preview import VideoPreview

        preview = VideoPreview(pipeline, source, settings.preview)
    return task, source, preview


def prepared(
    data: DataSettings, look: str, *, frames: int | None = None, drafts: bool = False
) -> PreparedDataset:
    """The prepared data set as the settings describe it; look, drafts: what the model knows."""
    return PreparedDataset(
        data.dataset,
        frames=frames or data.frames,
        sizes=data.pixels(),
        fps=data.fps,
        control=data.control,
        look=data.look or look,
        emphasis=data.emphasis,
        drafts=drafts,
    )


def within(loss: VideoLoss, scheduler: Any) -> VideoLoss:
    """The loss with no noise levels beyond those that the model's scheduler samples from."""
    low, high = scheduler.get("sigma_min"), scheduler.get("sigma_max")
    return replace(
        loss,
        sigma_min=max(loss.sigma_min, low or 0.0),
        sigma_max=min(loss.sigma_max, high or loss.sigma_max),
    )


def describe(task: Task, source: Source) -> str:
    """What is trained on what, in a line."""
    trained = [p for p in task.module.parameters() if p.requires_grad]
    names = ", ".join(name for name, _ in task.module.named_children())
    count = sum(p.numel() for p in trained)
    clips = f" on {len(source)} clips" if isinstance(source, PreparedDataset) else ""
    return f"Training {count / 1e6:.2f} million weights in {len(trained)} tensors of {names}{clips}"
