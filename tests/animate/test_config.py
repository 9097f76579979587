"""Settings: defaults, validation, what is left open."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from animate.config import DEFAULTS, Settings, settings_from
from animate.errors import UsageError

CHOSEN: dict[str, Any] = {"size": (128, 192), "device": "cpu", "dtype": "float32"}


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().seed = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"frames": 0}, "--frames expects a whole number of at least 1, got 0"),
        ({"stride": -1}, "--stride"),
        ({"steps": 0}, "--steps"),
        ({"seed": -1}, "--seed"),
        ({"fps": 0.0}, "--fps expects a number above 0, got 0.0"),
        ({"fps": float("nan")}, "--fps"),
        ({"guidance": 0.5}, "--guidance expects a number of at least 1"),
        ({"control_scale": -1.0}, "--control-scale"),
        ({"size": (0, 64)}, "--size"),
        ({"device": "tpu"}, "--device expects auto | cpu | cuda, got 'tpu'"),
        ({"dtype": "int8"}, "--dtype"),
        ({"align": "perhaps"}, "--align"),
        ({"window": 4, "overlap": 4}, "--overlap 4 must be smaller than --window 4"),
        ({"fps": 12.0, "stride": 2}, "give one of them"),
    ],
)
def test_senseless_values_name_the_option(values: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings(**values)
    assert told in str(caught.value)


def test_unknown_keyword_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown setting 'step'; known: .*steps"):
        settings_from({"step": 3})


@pytest.mark.parametrize("look", sorted(DEFAULTS))
def test_open_settings_come_from_the_model(look: str) -> None:
    defaults = DEFAULTS[look]
    resolved = Settings().resolve(defaults, **CHOSEN)
    assert (resolved.steps, resolved.guidance) == (defaults.steps, defaults.guidance)
    assert (resolved.window, resolved.overlap) == (defaults.window, defaults.overlap)
    assert resolved.size == (128, 192)


def test_given_settings_win_over_the_model() -> None:
    asked = Settings(steps=2, guidance=1.5, window=8, overlap=0, seed=7)
    resolved = asked.resolve(DEFAULTS["official"], **CHOSEN)
    assert (resolved.steps, resolved.guidance, resolved.window, resolved.overlap) == (2, 1.5, 8, 0)
    assert resolved.seed == 7


def test_a_small_window_shrinks_the_models_overlap() -> None:
    assert Settings(window=2).resolve(DEFAULTS["official"], **CHOSEN).overlap == 1


def test_overlap_is_checked_against_the_models_window() -> None:
    with pytest.raises(UsageError, match="window of 16"):
        Settings(overlap=16).resolve(DEFAULTS["soft"], **CHOSEN)
