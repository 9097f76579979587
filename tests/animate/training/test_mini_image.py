from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import animate
from animate.errors import ModelError
from animate.training.mini_image import (
    CONTROLS,
    KINDS,
    save_parts,
    seeded_parts,
)


@pytest.fixture
def saved(image_parts: dict[str, Any], tmp_path: Path) -> Path:
    save_parts(image_parts, tmp_path / "model")
    return tmp_path / "model"


def test_the_same_seed_gives_the_same_weights(image_parts: dict[str, Any]) -> None:
    again = seeded_parts(image_parts["tokenizer"], 0)
    for name in ("unet", "text_encoder", CONTROLS):
        other = again[name].state_dict()
        assert all(
            torch.equal(value, other[key]) for key, value in image_parts[name].state_dict().items()
        )


def test_what_is_saved_is_small_and_makes_pictures(saved: Path) -> None:
    assert sum(file.stat().st_size for file in saved.rglob("*") if file.is_file()) < 25e6
    edges = np.zeros((40, 24, 3), np.uint8)
    made = animate.control_image(
        edges, kind="canny", prompt="a zebra", model=str(saved), steps=2, annotate=False
    )
    assert made.images[0].shape == (136, 80, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_encoder(saved: Path, kind: str) -> None:
    assert (saved / CONTROLS / kind / "config.json").is_file()


def test_kinds_without_one_are_refused(saved: Path) -> None:
    edges = np.zeros((40, 24, 3), np.uint8)
    with pytest.raises(ModelError, match="softedge"):
        animate.control_image(
            edges, kind="softedge", model=str(saved), steps=1, annotate=False, device="cpu"
        )
