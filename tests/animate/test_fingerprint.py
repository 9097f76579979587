"""What changes a result changes its fingerprint, and nothing else does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from animate.fingerprint import file_print, model_print, program_print
from animate.pipelines import ControlNeXtVideoPipeline


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"ab")
    shutil.copy(one, other)
    assert file_print(one) == file_print(other)
    other.write_bytes(b"ac")
    assert file_print(one) != file_print(other)


def test_a_folder_is_known_by_its_files_without_hidden_ones(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text("{}")
    before = file_print(tmp_path)
    (tmp_path / ".out.mp4.journal").mkdir()
    (tmp_path / ".partial").touch()
    assert file_print(tmp_path) == before
    (tmp_path / "1.json").rename(tmp_path / "2.json")
    assert file_print(tmp_path) != before


@pytest.fixture(scope="module")
def pipeline(tiny_model: Path) -> ControlNeXtVideoPipeline:
    return ControlNeXtVideoPipeline.from_pretrained(tiny_model)


def test_a_model_is_known_wherever_it_lies(
    pipeline: ControlNeXtVideoPipeline, tiny_model: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(tiny_model, tmp_path / "moved")
    assert model_print(ControlNeXtVideoPipeline.from_pretrained(moved)) == model_print(pipeline)


@pytest.mark.parametrize("part", ["unet", "vae", "controlnext", "image_encoder"])
def test_slightly_different_weights_are_another_model(
    pipeline: ControlNeXtVideoPipeline, part: str
) -> None:
    before = model_print(pipeline)
    weight = next(w for w in getattr(pipeline, part).parameters() if w.ndim > 1)
    kept = weight.detach().clone()
    with torch.no_grad():
        weight.mul_(1.001)
        assert model_print(pipeline) != before
        weight.copy_(kept)
    assert model_print(pipeline) == before


def test_another_scheduler_is_another_model(pipeline: ControlNeXtVideoPipeline) -> None:
    from diffusers import EulerDiscreteScheduler

    before, scheduler = model_print(pipeline), pipeline.scheduler
    pipeline.scheduler = EulerDiscreteScheduler.from_config(scheduler.config, sigma_max=5.0)
    changed = model_print(pipeline)
    pipeline.scheduler = scheduler
    assert changed != before == model_print(pipeline)


def test_the_program_is_known_by_versions() -> None:
    assert f"torch {torch.__version__.split('+')[0]}" in program_print()
