"""How the device is used: placing, attention, offload, and memory that runs out."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import animate
from animate import devices
from animate.config import DEFAULTS, Settings
from animate.errors import UsageError
from animate.load import load_model
from animate.pipelines.video import ControlNeXtVideoPipeline
from temporal.decode import decode_frames
from temporal.errors import DeviceError

QUICK: dict[str, Any] = {"size": (64, 96), "frames": 12, "steps": 1, "device": "cpu"}


@pytest.fixture
def pipeline(tiny_model: Path) -> ControlNeXtVideoPipeline:
    return load_model(Settings(model=str(tiny_model), device="cpu")).pipeline


def generate(pipeline: ControlNeXtVideoPipeline, **more: Any) -> torch.Tensor:
    from PIL import Image

    control = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    seed = torch.Generator().manual_seed(0)
    made: torch.Tensor = pipeline(
        Image.new("RGB", (32, 32), "red"), control, num_inference_steps=1, generator=seed,
        output_type="pt", progress=lambda done, total: None, **more,
    ).frames  # fmt: skip
    return made


@pytest.mark.parametrize("way", ["model", "group"])
def test_offloaded_parts_give_the_same_frames(pipeline: ControlNeXtVideoPipeline, way: str) -> None:
    expected = generate(pipeline)
    devices._offload(pipeline, "cpu", way)
    assert torch.equal(generate(pipeline), expected)
    with pytest.raises(DeviceError, match="exclude each other"):
        generate(pipeline, devices=["cpu", "cpu"])


@pytest.mark.parametrize("way", ["model", "group"])
def test_offload_needs_a_gpu(way: str) -> None:
    with pytest.raises(UsageError, match=f"--offload {way} spares a GPU"):
        devices.check(Settings(offload=way), "cpu")


@pytest.mark.skipif(importlib.util.find_spec("xformers") is not None, reason="it is installed")
def test_missing_xformers_names_the_extra() -> None:
    with pytest.raises(UsageError, match=r"animate-controlnext\[gpu\]"):
        devices.check(Settings(attention="xformers"), "cuda")


def test_free_memory_is_at_most_the_systems() -> None:
    free = devices.free_memory("cpu")
    assert free is None or 0 < free < 2**50


def test_a_container_without_a_limit_has_none(tmp_path: Path) -> None:
    limit, used = tmp_path / "max", tmp_path / "current"
    used.write_text("100\n")
    limit.write_text("max\n")
    assert devices._free_in(str(limit), str(used)) is None
    limit.write_text("1000\n")
    assert devices._free_in(str(limit), str(used)) == 900


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_lack_of_memory_is_told_from_other_errors(error: Exception, lacks: bool) -> None:
    assert devices.lacks_memory(error) == lacks


def test_torch_says_so_when_the_cpu_has_no_more() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert devices.lacks_memory(caught.value)


def limit_window(monkeypatch: pytest.MonkeyPatch, longest: int) -> list[int]:
    """Let every UNet that is loaded run out of memory above so many frames, as torch does."""
    from diffusers import UNetSpatioTemporalConditionModel

    seen: list[int] = []
    forward = UNetSpatioTemporalConditionModel.forward

    def limited(self: Any, sample: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if sample.is_meta:  # the planner's dry run takes no memory
            return forward(self, sample, *args, **kwargs)
        seen.append(sample.shape[0] * sample.shape[1])
        if seen[-1] > longest:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(self, sample, *args, **kwargs)

    monkeypatch.setattr(UNetSpatioTemporalConditionModel, "forward", limited)
    return seen


def run(dance: Path, hero: Path, model: Path, **settings: Any) -> tuple[Any, list[str]]:
    lines: list[str] = []
    chosen = {**QUICK, **settings}
    result = animate.animate(dance, ref=hero, model=str(model), report=lines.append, **chosen)
    return result, [line for line in lines if "ran out" in line]


def test_windows_shrink_when_memory_runs_out(
    dance: Path, hero: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_window(monkeypatch, 8)
    result, told = run(dance, hero, tiny_model)
    assert told == ["Memory ran out: trying again with windows of 8 frames"]
    assert result.settings.window == 8
    assert len(result) == 12


def test_guidance_halves_are_taken_apart_first(
    dance: Path, hero: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_window(monkeypatch, 12)
    result, told = run(dance, hero, tiny_model, guidance=2.0)
    assert told == ["Memory ran out: trying again with the guidance halves one after the other"]
    assert result.settings.halves_apart
    assert result.settings.window == DEFAULTS["soft"].window


def test_too_little_memory_ends_with_torchs_own_error(
    dance: Path, hero: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = limit_window(monkeypatch, 0)
    with pytest.raises(torch.OutOfMemoryError):
        run(dance, hero, tiny_model, frames=8)
    assert len(seen) == 1 + devices.RETRIES


def test_decoding_goes_on_with_fewer_frames_at_once(
    pipeline: ControlNeXtVideoPipeline,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    latents = torch.randn(5, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = list(decode_frames(pipeline.vae, latents, 2))
    forward = pipeline.vae.decoder.forward

    def limited(sample: torch.Tensor, num_frames: int, **rest: Any) -> Any:
        if num_frames > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(sample, num_frames=num_frames, **rest)

    monkeypatch.setattr(pipeline.vae.decoder, "forward", limited)
    with caplog.at_level(logging.WARNING):
        frames = list(devices.decode_in_less_memory(pipeline, latents, 4))
    assert "2 frames" in caplog.text
    assert np.array_equal(frames, expected)
