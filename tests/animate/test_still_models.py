from __future__ import annotations

from pathlib import Path

import pytest

from animate.errors import ModelError
from animate.still_models import StillModel
from animate.still_settings import FAMILY_DEFAULTS


def model_of(folder: Path | None) -> StillModel:
    return StillModel(
        pipeline=None, family="sd3", name="own", folder=folder, device="cpu", dtype="float32"
    )


def test_a_model_tells_its_own_steps_and_guidance(tmp_path: Path) -> None:
    (tmp_path / "defaults.json").write_text('{"steps": 3, "guidance": 1.5}')
    assert model_of(tmp_path).defaults == (3, 1.5)


@pytest.mark.parametrize("held", [None, "{}"])
def test_what_it_does_not_tell_is_its_family_s(tmp_path: Path, held: str | None) -> None:
    if held is not None:
        (tmp_path / "defaults.json").write_text(held)
    assert model_of(tmp_path).defaults == model_of(None).defaults == FAMILY_DEFAULTS["sd3"]


@pytest.mark.parametrize("held", ["", "[]", '{"steps": null}', '{"guidance": "much"}'])
def test_a_file_that_tells_nonsense_is_named(tmp_path: Path, held: str) -> None:
    (tmp_path / "defaults.json").write_text(held)
    with pytest.raises(ModelError, match=r"defaults\.json does not tell its (steps|guidance)"):
        _ = model_of(tmp_path).defaults
