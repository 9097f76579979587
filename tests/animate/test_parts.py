"""Which model is taken, why, and what is said when it cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from animate import mini
from animate.config import Settings
from animate.errors import ModelError, UsageError
from animate.parts import ModelChoice, choose_model
from animate.releases import MODELS


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("ANIMATE_MODELS", raising=False)
    return tmp_path / "hub"


def fill(cache: Path, *names: str) -> None:
    """Empty files where the cache would keep these models."""
    for release in MODELS:
        if release.name in names:
            folder = cache / f"models--{release.repository.replace('/', '--')}"
            (folder / "refs").mkdir(parents=True, exist_ok=True)
            (folder / "refs" / "main").write_text("abc")
            for choices in release.required:
                path = folder / "snapshots" / "abc" / choices[0]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()


def choose(model: str, device: str = "cpu", **settings: Any) -> ModelChoice:
    return choose_model(Settings(model=model, **settings), device)


def test_auto_without_a_gpu_takes_the_embedded_model(cache: Path) -> None:
    fill(cache, "svd-base", "svd-control")
    choice = choose("auto")
    assert choice.name == "mini"
    assert choice.parts.base == mini.FOLDER
    assert "no GPU" in choice.why


def test_auto_on_a_gpu_without_weights_takes_the_embedded_model(cache: Path) -> None:
    choice = choose("auto", "cuda")
    assert choice.name == "mini"
    assert "no Stable Video Diffusion weights" in choice.why


def test_auto_on_a_gpu_with_weights_takes_svd(cache: Path) -> None:
    fill(cache, "svd-base", "svd-control")
    choice = choose("auto", "cuda")
    assert choice.name == "svd"
    assert choice.parts.control is not None
    assert choice.parts.unet == choice.parts.control / "unet.safetensors"


@pytest.mark.parametrize(
    ("here", "missing"),
    [
        ((), "svd-base and svd-control are missing"),
        (("svd-base",), "complete here: svd-control is missing"),
        (("svd-control",), "complete here: svd-base is missing"),
    ],
)
def test_svd_without_weights_says_what_is_missing(
    cache: Path, here: tuple[str, ...], missing: str
) -> None:
    fill(cache, *here)
    with pytest.raises(ModelError, match=rf"{missing}.*models fetch svd.*--model mini"):
        choose("svd")


def test_parts_by_hand_mean_svd_and_go_before_the_cache(cache: Path, tmp_path: Path) -> None:
    fill(cache, "svd-base", "svd-control")
    mine = tmp_path / "mine.safetensors"
    mine.touch()
    choice = choose("auto", unet=str(mine))
    assert choice.name == "svd"
    assert choice.parts.unet == mine
    choice = choose("svd", controlnext=str(mine))
    assert (choice.parts.control, choice.parts.unet) == (mine, None)


def test_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"auto \| mini \| svd"):
        choose("maxi")


def test_folder_that_is_no_model_says_what_a_model_is(cache: Path, tmp_path: Path) -> None:
    for settings in ({"model": str(tmp_path)}, {"model": "svd", "base": str(tmp_path)}):
        fill(cache, "svd-control")
        with pytest.raises(ModelError, match=r"model_index\.json"):
            choose(**settings)


def test_pickled_weights_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "pickled")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(ModelError, match="safetensors"):
        choose(str(folder))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"model": "mini", "base": "."}, "--model mini has its own"),
        ({"model": "mini", "variant": "svd_v1"}, "--variant says what --controlnext is"),
        ({"model": "svd", "unet_as": "values"}, "--unet-as says what --unet holds"),
        ({"model": "svd", "unet": "no/such"}, "--unet no/such: no such file or folder"),
    ],
)
def test_options_that_mean_nothing_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        choose(**settings)


def test_variants_are_those_of_the_encoder() -> None:
    from animate.config import VARIANTS
    from temporal import controlnext

    assert tuple(controlnext.VARIANTS) == VARIANTS
