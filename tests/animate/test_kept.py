"""What is loaded once for runs that need the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from animate.config import Settings
from animate.kept import LOADING, STILL_LOADING, Kept
from animate.still_settings import StillSettings


class Loads:
    """Counts, and tells what was still in memory when it was asked."""

    def __init__(self) -> None:
        self.kept: Kept[Settings, object] = Kept(self, LOADING)
        self.before: list[bool] = []

    def __call__(self, settings: Settings) -> object:
        self.before.append(self.kept._kept is not None)
        return object()


def test_what_does_not_decide_the_weights_loads_nothing() -> None:
    loads = Loads()
    first = loads.kept(Settings())
    assert loads.kept(Settings(seed=3, steps=9, control_scale=0.5)) is first
    assert len(loads.before) == 1


def test_another_model_replaces_the_one_in_memory() -> None:
    loads = Loads()
    first = loads.kept(Settings())
    second = loads.kept(Settings(scheduler="lcm"))
    assert second is not first
    assert loads.kept.settings == Settings(scheduler="lcm")
    assert loads.before == [False, False]  # the first one had gone before


def test_what_was_dropped_is_loaded_again() -> None:
    loads = Loads()
    first = loads.kept(Settings())
    loads.kept.drop()
    assert loads.kept(Settings()) is not first


@pytest.mark.parametrize("changed", [{"device": "cpu"}, {"dtype": "float16"}, {"offload": "model"}])
def test_where_and_how_weights_lie_decides(changed: dict[str, Any]) -> None:
    kept: Kept[Settings, object] = Kept(lambda asked: object(), LOADING)
    assert kept(Settings()) is not kept(replace(Settings(), **changed))


def test_lora_weights_of_a_picture_load_no_other_base(tmp_path: Any) -> None:
    lora = tmp_path / "one.safetensors"
    lora.write_bytes(b"")
    kept: Kept[StillSettings, object] = Kept(lambda asked: object(), STILL_LOADING)
    first = kept(StillSettings())
    assert kept(StillSettings(lora=((str(lora), 1.0),), method="controlnet")) is first
    assert kept(StillSettings(dtype="bfloat16")) is not first
