"""animate() and its result, with a tiny random model and the real tracker."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import animate
from animate.audio import has_audio
from animate.denoise import still_noise
from animate.errors import AnimateError, UsageError
from animate.result import Result
from pose.files import save_poses
from pose.skeleton import INDEX
from pose.video import open_video

QUICK: dict[str, Any] = {"size": (64, 96), "frames": 3, "steps": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def events() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def result(dance: Path, hero: Path, tiny_model: Path, events: list[tuple[str, int, int]]) -> Result:
    return animate.animate(
        dance,
        ref=hero,
        model=str(tiny_model),
        progress=lambda *event: events.append(event),
        **QUICK,
    )


def test_frames_poses_and_settings(result: Result) -> None:
    assert result.frames.shape == (3, 96, 64, 3)
    assert result.frames.dtype == np.uint8
    assert len(result) == len(result.poses) == 3
    assert (result.settings.size, result.settings.window) == ((64, 96), 16)


def test_progress_follows_the_stages(result: Result, events: list[tuple[str, int, int]]) -> None:
    assert result
    assert list(dict.fromkeys(stage for stage, _, _ in events)) == ["track", "load", "denoise"]
    assert events[-1][1] == events[-1][2]
    assert ("track", 3, 3) in events


def test_limbs_that_the_video_never_shows_are_told_and_held(
    result: Result, hero: Path, tiny_model: Path, tmp_path: Path
) -> None:
    scores = result.poses.scores.copy()
    legs = [INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle")]
    scores[..., legs] = 0.0
    save_poses(tmp_path / "upper.npz", replace(result.poses, scores=scores))
    told: dict[str, list[str]] = {}
    for align in ("fit", "none"):
        lines = told[align] = []
        found = animate.animate(
            tmp_path / "upper.npz", ref=hero, model=str(tiny_model), align=align,
            report=lines.append, **QUICK,
        )  # fmt: skip
        assert found.motion.steering is not None
        assert found.motion.steering.scores[..., legs].any() == (align == "fit")
    assert any("never shows knee, ankle" in line for line in told["fit"])
    assert not any("never shows" in line for line in told["none"])


def test_same_seed_gives_equal_bytes(
    result: Result, dance: Path, hero: Path, tiny_model: Path
) -> None:
    again = animate.animate(dance, ref=hero, model=str(tiny_model), **QUICK)
    other = animate.animate(dance, ref=hero, model=str(tiny_model), seed=1, **QUICK)
    assert result.frames.tobytes() == again.frames.tobytes()
    assert result.frames.tobytes() != other.frames.tobytes()


def test_saved_video_has_frames_rate_and_sound(result: Result, tmp_path: Path, dance: Path) -> None:
    path = result.save(tmp_path / "out.mp4")
    clip = open_video(path)
    assert (clip.size, len(clip), clip.fps) == ((64, 96), 3, pytest.approx(open_video(dance).fps))
    assert has_audio(path) == has_audio(dance)
    assert not has_audio(result.save(tmp_path / "silent.mp4", audio=False))


def test_compare_puts_three_pictures_side_by_side(result: Result, tmp_path: Path) -> None:
    clip = open_video(result.save(tmp_path / "out.mp4", compare=True))
    frame = next(iter(clip))
    height, width = frame.shape[:2]
    driving = round(height * result.driving.size[0] / result.driving.size[1])
    assert width == pytest.approx(driving + 2 * height * 64 / 96, abs=2)
    skeleton = frame[:, driving + 4 : driving + height * 64 // 96 - 4]
    assert 0 < (skeleton.max(axis=2) > 60).mean() < 0.4


def test_a_comparison_can_be_a_second_file(result: Result, tmp_path: Path) -> None:
    plain = result.save(tmp_path / "plain.mp4")
    both = result.save(tmp_path / "both.mp4", comparison=tmp_path / "beside.mp4")
    assert both.read_bytes() == plain.read_bytes()
    alone = result.save(tmp_path / "alone.mp4", compare=True)
    assert (tmp_path / "beside.mp4").read_bytes() == alone.read_bytes()


def test_stream_equals_frames(result: Result) -> None:
    fresh = Result(**{name: getattr(result, name) for name in Result.__dataclass_fields__})
    assert np.array_equal(np.stack(list(fresh.stream())), result.frames)


def test_the_embedded_model_starts_every_frame_from_one_noise(result: Result) -> None:
    assert result.settings.still_noise
    generator = torch.Generator().manual_seed(0)
    noise = still_noise(result.pipeline, 3, result.settings, generator)
    assert noise.shape == result.latents.shape
    assert torch.equal(noise[:, 1:], noise[:, :1].expand_as(noise[:, 1:]))
    assert noise.std() == pytest.approx(1, abs=0.1)


def test_unknown_setting_is_named(dance: Path, hero: Path) -> None:
    with pytest.raises(UsageError, match="'stepz'"):
        animate.animate(dance, ref=hero, stepz=1)


def test_model_that_starts_with_the_reference_drops_that_frame(
    dance: Path, hero: Path, tiny_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "official")
    config = folder / "controlnext" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "control_look": "official"}))
    lines: list[str] = []
    result = animate.animate(
        dance, ref=hero, model=str(folder), guidance=1.0, report=lines.append, **QUICK
    )
    assert len(result) == 3
    assert result.motion.lead == 1
    assert any("One window of 4 frames" in line for line in lines)


def test_reference_without_a_body_says_what_to_do(
    dance: Path, landscape: Path, tiny_model: Path
) -> None:
    with pytest.raises(AnimateError, match="--align none"):
        animate.animate(dance, ref=landscape, model=str(tiny_model), **QUICK)


def test_without_alignment_any_reference_goes(
    dance: Path, landscape: Path, tiny_model: Path
) -> None:
    result = animate.animate(dance, ref=landscape, model=str(tiny_model), align="none", **QUICK)
    assert len(result.frames) == 3


def test_ways_of_sampling_reach_the_model(
    result: Result, dance: Path, hero: Path, tiny_model: Path
) -> None:
    few = animate.animate(
        dance, ref=hero, model=str(tiny_model), scheduler="lcm", **{**QUICK, "steps": None}
    )
    assert (few.settings.steps, few.settings.guidance) == (4, (1.0, 1.2))
    assert type(few.pipeline.scheduler).__name__ == "ConsistencyScheduler"
    shared = animate.animate(
        dance, ref=hero, model=str(tiny_model), devices=("cpu", "cpu"), **QUICK
    )
    assert np.allclose(shared.latents, result.latents, atol=1e-4)


def test_lora_files_change_the_result_by_their_scale(
    result: Result, dance: Path, hero: Path, tiny_model: Path, tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    made = {}
    for name, module in result.pipeline.unet.named_modules():
        if isinstance(module, torch.nn.Linear) and name.endswith("to_v"):
            made[f"unet.{name}.lora_A.weight"] = torch.ones(2, module.in_features)
            made[f"unet.{name}.lora_B.weight"] = torch.ones(module.out_features, 2)
    file = tmp_path / "style.safetensors"
    save_file(made, file)
    off, on = (
        animate.animate(dance, ref=hero, model=str(tiny_model), lora=((str(file), s),), **QUICK)
        for s in (0.0, 1.0)
    )
    assert torch.allclose(off.latents, result.latents, atol=1e-4)
    assert not torch.allclose(on.latents, result.latents, atol=1e-2)
