"""Settings: defaults, validation, what is left open."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel

import animate
from animate.config import DEFAULTS, OFFICIAL, Settings, settings_from
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
        ({"windows": "round"}, "--windows expects weighted | shifted | official, got 'round'"),
        ({"ramp": "step"}, "--ramp"),
        ({"guidance": (1.0, 0.5)}, "--guidance"),
        ({"guidance": (1.0, 2.0, 3.0)}, "FROM:TO"),
        ({"motion_bucket": 256}, "--motion-bucket expects a whole number from 0 to 255, got 256"),
        ({"noise_aug": 1.5}, "--noise-aug expects a number from 0 to 1, got 1.5"),
        ({"attention": "flash"}, "--attention"),
        ({"offload": "disk"}, "--offload"),
        ({"decode_chunk": 0}, "--decode-chunk"),
        ({"official": True, "windows": "shifted"}, "leave out --windows shifted, or --official"),
        ({"official": True, "control_scale": 0.5}, "leave out --control-scale 0.5"),
    ],
)
def test_senseless_values_name_the_option(values: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings(**values)
    assert told in str(caught.value)


def test_numbers_lists_and_paths_of_others_are_taken(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    read = settings_from(
        {
            "seed": random.integers(1000),
            "control_scale": np.float32(0.5),
            "guidance": [1, 3],
            "size": np.array([128, 192]),
            "person": [3.5, 4],
            "lora": [[tmp_path, 0.5]],
            "model": tmp_path,
            "device": None,
        }
    )
    assert type(read.seed) is int
    assert (read.control_scale, read.guidance, read.size) == (0.5, (1, 3), (128, 192))
    assert (read.person, read.lora) == ((3.5, 4), ((str(tmp_path), 0.5),))
    assert (read.model, read.device) == (str(tmp_path), "auto")


@pytest.mark.parametrize(
    "wrong",
    [
        {"fps": "12"}, {"size": 128}, {"size": (128.5, 192)}, {"lora": "a.safetensors"},
        {"lora": ("a.safetensors",)}, {"devices": "cuda:0"}, {"devices": ("foo",)},
        {"seed": 2**64 - 1}, {"guidance": "3"}, {"fps": True},
    ],
)  # fmt: skip
def test_values_of_other_types_are_told_as_such(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"--{next(iter(wrong))} expects"):
        settings_from(wrong)


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


def test_the_reference_tells_its_own_constants() -> None:
    resolved = Settings(official=True).resolve(DEFAULTS["official"], **CHOSEN)
    assert {name: getattr(resolved, name) for name in OFFICIAL} == OFFICIAL


@pytest.mark.parametrize("windows", ["weighted", "shifted", "official"])
def test_windows_are_laid_as_asked(windows: Any) -> None:
    resolved = Settings(windows=windows).resolve(DEFAULTS["soft"], **CHOSEN)
    assert resolved.windows == windows
    assert resolved.ramp == ("window" if windows == "official" else "clip")


@pytest.mark.parametrize(("asked", "ends"), [(2.0, (2.0, 2.0)), ((1.0, 3.0), (1.0, 3.0))])
def test_guidance_is_constant_or_a_ramp(asked: Any, ends: tuple[float, float]) -> None:
    assert Settings(guidance=asked).resolve(DEFAULTS["soft"], **CHOSEN).guidance_ends == ends


@pytest.mark.parametrize(("fps", "told"), [(23.976, 24), (1.0, 3), (60.0, 30)])
def test_models_are_told_a_rate_they_were_trained_on(fps: float, told: int) -> None:
    assert DEFAULTS["official"].told_rate(fps) == told


def test_how_the_work_is_done_is_kept() -> None:
    asked = Settings(offload="group", decode_chunk=2, halves_apart=True, attention="sdpa")
    resolved = asked.resolve(DEFAULTS["official"], **CHOSEN)
    assert (resolved.offload, resolved.decode_chunk) == ("group", 2)
    assert (resolved.halves_apart, resolved.attention) == (True, "sdpa")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"motion_bucket": 90, "noise_aug": 0.1, "fps": 12.0}, [11, 90, 0.1]),
        ({"official": True, "fps": 12.0}, [6, 128, 0.02]),
    ],
)
def test_what_was_asked_for_reaches_the_unet(
    dance: Path,
    hero: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, Any],
    told: list[float],
) -> None:
    seen: list[torch.Tensor] = []
    forward = UNetSpatioTemporalConditionModel.forward

    def spy(self: Any, sample: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if not sample.is_meta:
            seen.append(kwargs["added_time_ids"])
        return forward(self, sample, *args, **kwargs)

    monkeypatch.setattr(UNetSpatioTemporalConditionModel, "forward", spy)
    quick: dict[str, Any] = {"size": (64, 96), "frames": 2, "steps": 1, "device": "cpu"}
    animate.animate(dance, ref=hero, model=str(tiny_model), **quick, **asked)
    assert seen[0].tolist()[0] == pytest.approx(told)


def test_few_steps_have_an_end() -> None:
    assert Settings(scheduler="lcm", steps=40).steps == 40
    with pytest.raises(UsageError, match="at most 40 --steps, got 41"):
        Settings(scheduler="lcm", steps=41)


def test_few_step_defaults_are_those_of_the_scheduler() -> None:
    from animate.config import FEW_STEPS, FEW_STEPS_GUIDANCE, MOST_FEW_STEPS, SCHEDULERS
    from temporal import schedulers

    assert SCHEDULERS == schedulers.SCHEDULERS
    assert (FEW_STEPS, FEW_STEPS_GUIDANCE) == (schedulers.LCM_STEPS, schedulers.LCM_GUIDANCE)
    assert schedulers.ConsistencyScheduler().config["num_train_timesteps"] == MOST_FEW_STEPS


@pytest.mark.parametrize(
    ("text", "told"),
    [("a.safetensors", ("a.safetensors", 1.0)), ("a:0.5", ("a", 0.5)), ("C:x", ("C:x", 1.0))],
)
def test_lora_is_a_file_and_perhaps_a_scale(text: str, told: tuple[str, float]) -> None:
    from animate.commands.options import lora

    assert lora(text) == told
