from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from animate.enlarge import tile_borders, upscale
from animate.enlarge_settings import UpscaleSettings
from animate.errors import ModelError, UsageError
from animate.still_models import StillModel
from animate.training.enlarging import enlarged

QUICK: dict[str, Any] = {"steps": 2, "tile": 64}


@pytest.fixture(scope="module")
def small() -> np.ndarray:  # type: ignore[type-arg]
    """A smooth picture of odd size."""
    noise = np.random.default_rng(0).integers(60, 200, (5, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((37, 29), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("factor", [1.5, 2.0, 4.0])
def test_any_factor_gives_that_size(sd3: StillModel, small: Any, factor: float) -> None:
    large = upscale(small, factor=factor, loaded=sd3, **QUICK)
    assert large.shape == (round(29 * factor), round(37 * factor), 3)
    assert large.dtype == np.uint8


def test_borders_of_tiles_lie_inside_the_picture(sd3: StillModel) -> None:
    borders = tile_borders(sd3, (100, 200), UpscaleSettings(tile=64, overlap=0.25))
    assert borders == sorted(set(borders))
    assert all(0 <= border < 199 and (border + 1) % 8 == 0 for border in borders)
    assert len(borders) > 4
    assert tile_borders(sd3, (40, 40), UpscaleSettings(tile=64)) == []


def test_scaled_down_again_it_is_the_picture(sd3: StillModel, small: Any) -> None:
    def gap(**settings: Any) -> float:
        large = Image.fromarray(upscale(small, factor=2.0, loaded=sd3, **QUICK, **settings))
        down = np.asarray(large.resize((37, 29), Image.Resampling.BICUBIC))
        return float(np.abs(down.astype(int) - small).mean())

    assert gap() < gap(faithful=False) / 3


def test_the_picture_steers_every_tile(sd3: StillModel, small: Any) -> None:
    settings = {**QUICK, "factor": 4.0, "loaded": sd3, "faithful": False}
    large = upscale(small, **settings)
    other = small.copy()
    other[-6:, -6:] = 255 - other[-6:, -6:]
    changed = np.abs(upscale(other, **settings).astype(int) - large)
    assert changed[-24:, -24:].max() > 0
    assert changed[:24, :24].max() == 0  # another tile
    free = upscale(small, control_scale=0.0, **settings)
    assert not np.array_equal(free, large)


def test_the_same_call_gives_the_same_picture(sd3: StillModel, small: Any, tmp_path: Path) -> None:
    Image.fromarray(small).save(tmp_path / "small.png")
    first = upscale(tmp_path / "small.png", factor=2.0, loaded=sd3, **QUICK)
    assert np.array_equal(first, upscale(small, factor=2.0, loaded=sd3, **QUICK))
    assert not np.array_equal(first, upscale(small, factor=2.0, loaded=sd3, seed=1, **QUICK))


def test_steps_are_the_model_s_own_unless_asked(sd3: StillModel, small: Any) -> None:
    file = sd3.folder / "defaults.json"  # type: ignore[operator]
    file.write_text('{"steps": 3}')
    said: list[str] = []
    for steps in (None, 1):
        upscale(small, factor=1.5, steps=steps, tile=64, loaded=sd3, report=said.append)
    file.unlink()
    assert ["3 steps" in line for line in said] == [True, False]
    assert ["1 steps" in line for line in said] == [False, True]


@pytest.mark.parametrize(("prompt", "guidance"), [("", "1"), ("a b", "7")])
def test_only_a_prompt_guides(sd3: StillModel, small: Any, prompt: str, guidance: str) -> None:
    said: list[str] = []
    upscale(small, factor=1.5, prompt=prompt, loaded=sd3, report=said.append, **QUICK)
    assert f"guidance {guidance}," in said[0]


def test_added_detail_can_be_more_or_none(sd3: StillModel, small: Any) -> None:
    def made(detail: float) -> NDArray[np.int16]:
        settings = {**QUICK, "factor": 2.0, "faithful": False, "loaded": sd3}
        return upscale(small, detail=detail, **settings).astype(np.int16)

    smooth = enlarged(small, (58, 74)).astype(np.int16)
    assert np.array_equal(made(0.0), smooth)
    half, whole = made(0.5) - smooth, made(1.0) - smooth
    assert np.abs(whole).max() > 10
    assert np.abs(2 * half - whole).max() <= 2  # rounded


def test_a_tile_larger_than_the_model_s_positions_is_refused(sd3: StillModel, small: Any) -> None:
    with pytest.raises(UsageError, match="--tile expects at most 768 pixels with tiny, got 769"):
        upscale(small, loaded=sd3, tile=769)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"factor": 5.0}, "at most 4"), ({"factor": 1.0}, "above 1"), ({"overlap": 0.9}, "--overlap")],
)
def test_wrong_settings_are_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        upscale(np.zeros((4, 4, 3), np.uint8), **settings)


def test_without_the_part_it_says_so(sd3: StillModel, small: Any, tmp_path: Path) -> None:
    bare = StillModel(**{**vars(sd3), "folder": tmp_path})
    with pytest.raises(ModelError, match="no controlnext for superresolution"):
        upscale(small, loaded=bare, **QUICK)


def test_the_package_offers_the_function() -> None:
    import animate

    assert animate.upscale is upscale
