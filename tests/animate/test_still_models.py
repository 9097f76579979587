from __future__ import annotations

from pathlib import Path

import pytest

from animate import still_models
from animate.errors import ModelError
from animate.still_models import StillModel
from animate.still_settings import FAMILY_DEFAULTS, StillSettings


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


@pytest.mark.parametrize("folder", ["dominic/sdxl", "mini/anna/sdxl"])
def test_a_folder_somewhere_above_does_not_decide_the_precision(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Opened(Exception):
        pass

    def opened(path: Path, dtype: str) -> None:
        raise Opened(dtype)

    (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(still_models, "pick_device", lambda device: "cuda")
    monkeypatch.setattr(still_models, "family_of", lambda folder: "sdxl")
    monkeypatch.setattr(still_models, "open_folder", opened)
    with pytest.raises(Opened, match="float16"):
        still_models.load_still_model(StillSettings(model=str(tmp_path / folder)))
