"""What tests of video training share: settings for a tiny base, and a batch of noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from animate.training.data import Batch, Sample, stack
from animate.training.settings import ModelSettings


def settings_of(base: Path, **more: Any) -> ModelSettings:
    return ModelSettings(base=str(base), **more)


def batch_of(size: int = 2, frames: int = 2, side: int = 32) -> Batch:
    rng = np.random.default_rng(0)

    def pictures(*shape: int) -> np.ndarray:  # type: ignore[type-arg]
        return rng.integers(0, 256, (*shape, side, side, 3)).astype(np.uint8)

    return stack([
        Sample(control=pictures(frames), reference=pictures(), frames=pictures(frames))
        for _ in range(size)
    ])  # fmt: skip
