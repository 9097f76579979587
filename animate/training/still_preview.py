"""What a still model under training makes of some samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from animate.pipelines.steering import Steering
from animate.training.data import Sample, Source, to_share
from animate.training.preview import SEED, psnr, to_bytes, write_comparison
from animate.training.settings import PreviewSettings
from animate.training.stills import StillTask


class StillPreview:
    """Paints the same samples at every look and lays them beside control and truth."""

    def __init__(self, task: StillTask, source: Source, settings: PreviewSettings) -> None:
        self.task, self.settings = task, settings
        rng = np.random.default_rng(SEED)
        self.samples = [source.sample(source.bucket(rng), rng) for _ in range(settings.samples)]

    def __call__(self, folder: Path) -> Mapping[str, float]:
        """Write pictures and return figures: the truth is one of many right answers, so that
        PSNR tells whether something goes wrong rather than how good it is."""
        figures = []
        for number, sample in enumerate(self.samples):
            result = self._paint(sample)
            write_comparison(folder / f"sample_{number}", sample, result)
            if sample.frames is not None:
                figures.append(psnr(result, sample.frames, sample.weight))
        return {"psnr": float(np.mean(figures))} if figures else {}

    def _paint(self, sample: Sample) -> np.ndarray:  # type: ignore[type-arg]
        task = self.task
        pipeline, scheduler = task.pipeline, task.pipeline.scheduler
        device = next(task.denoiser.parameters()).device
        picture = to_share(torch.from_numpy(sample.control)).to(device)
        controls = task.controls(picture, torch.ones(1, device=device))
        height, width = sample.control.shape[1:3]
        try:
            with Steering(task.denoiser, controls):
                output = pipeline(
                    sample.caption,
                    height=height,
                    width=width,
                    num_inference_steps=self.settings.steps,
                    guidance_scale=1.0,
                    generator=torch.Generator().manual_seed(SEED),
                    output_type="pt",
                )
        finally:
            # Sampling leaves its own steps in the scheduler, of which training reads the table.
            pipeline.scheduler = type(scheduler).from_config(scheduler.config)
        return to_bytes(output.images)
