from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from animate.pipelines import ControlNeXtVideoPipeline
from temporal.schedulers import LCM_GUIDANCE, LCM_STEPS, ConsistencyScheduler, find_scheduler

Run = Callable[..., Any]
FEW = {
    "num_inference_steps": LCM_STEPS,
    "min_guidance_scale": LCM_GUIDANCE[0],
    "max_guidance_scale": LCM_GUIDANCE[1],
}


@pytest.fixture
def few_steps(pipeline: ControlNeXtVideoPipeline) -> Iterator[ControlNeXtVideoPipeline]:
    """The pipeline with the few-step scheduler for the time of one test."""
    before = pipeline.scheduler
    pipeline.scheduler = find_scheduler("lcm", before)
    yield pipeline
    pipeline.scheduler = before


def test_few_steps_by_another_scheduler(few_steps: ControlNeXtVideoPipeline, run: Run) -> None:
    first, again = run(**FEW), run(**FEW)
    assert first.isfinite().all()
    assert torch.equal(first, again)
    assert not torch.equal(first, run(generator=torch.Generator().manual_seed(9), **FEW))


def test_the_scheduler_is_saved_with_the_model(
    few_steps: ControlNeXtVideoPipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few_steps.save_pretrained(tmp_path)
    loaded = ControlNeXtVideoPipeline.from_pretrained(tmp_path)
    assert isinstance(loaded.scheduler, ConsistencyScheduler)
    assert dict(loaded.scheduler.config) == dict(few_steps.scheduler.config)
    assert "Expected types" not in capsys.readouterr().err
