"""The tiny model of the suite as a pipeline, and something to animate with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from animate.pipelines import ControlNeXtVideoPipeline
from tests.animate.pipelines.stills import FAMILIES, Still, make_still
from tests.animate.pipelines.stills import SIZE as STILL_SIZE

SIZE = 32  # pixels
Run = Callable[..., Tensor]


@pytest.fixture(scope="session")
def pipeline(tiny_model: Path) -> ControlNeXtVideoPipeline:
    """A tiny pipeline with random weights, loaded as users load it."""
    loaded = ControlNeXtVideoPipeline.from_pretrained(tiny_model)
    loaded.set_progress_bar_config(disable=True)
    return loaded


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """A noisy reference picture."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="session")
def control() -> Tensor:
    """Control frames (12, 3, H, W) in [0, 1]."""
    return torch.rand(12, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def run(pipeline: ControlNeXtVideoPipeline, picture: Image.Image, control: Tensor) -> Run:
    """Two quick steps in windows of 5 with overlap 2, as latents unless asked otherwise."""

    def call(frames: int = 7, **settings: Any) -> Any:
        quick = {"num_inference_steps": 2, "window": 5, "overlap": 2, "output_type": "latent"}
        settings = {"image": picture, "control": control[:frames], **quick, **settings}
        settings.setdefault("generator", torch.Generator().manual_seed(3))
        return pipeline(**settings).frames

    return call


@pytest.fixture(scope="session")
def stills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Still]:
    """A tiny still pipeline of every family."""
    folder = tmp_path_factory.mktemp("stills")
    return {family: make_still(family, folder / family) for family in FAMILIES}


@pytest.fixture(scope="session")
def still_map() -> Tensor:
    """A control map (1, 3, H, W) in [0, 1]."""
    return torch.rand(1, 3, STILL_SIZE, STILL_SIZE, generator=torch.Generator().manual_seed(7))
