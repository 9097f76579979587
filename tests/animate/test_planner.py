"""The planner: what is predicted before loading, and what is chosen to fit."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from animate import devices, footprint, mini, planner
from animate.cli import main
from animate.config import DEFAULTS, Settings
from animate.errors import ModelError
from animate.parts import Parts
from animate.planner import Plan, make_plan
from animate.prediction import predict

PICTURE = (512, 768)


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Say how much memory the machine has; the rest is real."""
    return lambda amount: monkeypatch.setattr(devices, "free_memory", lambda device: amount)


def planned(**settings: Any) -> Plan:
    return make_plan(Settings(model="mini", device="cpu", **settings), PICTURE, 96)


def test_what_lives_at_once_is_counted_exactly() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(8, 100), torch.nn.Linear(100, 1)).to("meta")
    need = footprint.run_dry(model, lambda: model(torch.empty(10, 8, device="meta")))
    # The input, the middle and the last output; no weights, nothing that was freed.
    assert need.memory == 4 * 10 * (8 + 100 + 1)
    assert need.flops == 2 * 10 * (8 * 100 + 100)


def test_a_real_run_holds_what_the_dry_one_says() -> None:
    from diffusers import UNetSpatioTemporalConditionModel

    unet = UNetSpatioTemporalConditionModel.from_pretrained(mini.FOLDER / "unet")
    channels, width = unet.config["in_channels"], unet.config["cross_attention_dim"]
    noisy = torch.rand(1, 4, channels, 8, 8)
    picture, told = torch.rand(1, 1, width), torch.zeros(1, 3)
    real = footprint.run_dry(unet, lambda: unet(noisy, torch.tensor(1.0), picture, told))
    dry = footprint.denoising(mini.FOLDER, 4, 1, (8, 8), "float32")
    assert real.flops == dry.flops
    assert real.memory == pytest.approx(dry.memory, rel=0.02)


def test_a_model_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for part in ("unet", "controlnext"):
        (tmp_path / part).mkdir()
    (tmp_path / "model_index.json").write_text("{}")
    (tmp_path / "unet" / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"unet/config\.json is missing or damaged"):
        make_plan(Settings(model=str(tmp_path), device="cpu"), PICTURE, 96)


def test_attention_needs_no_matrix_of_scores() -> None:
    query = torch.empty(1, 2, 1000, 16, device="meta")
    attend = torch.nn.functional.scaled_dot_product_attention
    need = footprint.run_dry(torch.nn.Identity(), lambda: attend(query, query, query))
    assert need.memory < 2 * query.nbytes
    assert need.flops == 4 * 2 * 1000 * 1000 * 16


def test_weights_are_counted_from_their_headers() -> None:
    from diffusers import UNetSpatioTemporalConditionModel

    unet = UNetSpatioTemporalConditionModel.from_pretrained(mini.FOLDER / "unet")
    numbers = sum(weight.numel() for weight in unet.parameters())
    assert footprint.count_weights(mini.FOLDER / "unet") == numbers


def test_memory_grows_with_frames_and_not_with_weights() -> None:
    one, two = (
        footprint.denoising(mini.FOLDER, frames, 1, (16, 24), "float32").memory
        for frames in (8, 16)
    )
    assert two == pytest.approx(2 * one, rel=0.02)


def test_with_room_nothing_is_changed(free: Any) -> None:
    free(100 * 10**9)
    plan = planned(guidance=2.0)
    assert plan.fits
    assert plan.changes == ()
    assert plan.settings.window == DEFAULTS["soft"].window


def test_what_keeps_the_result_goes_first(free: Any) -> None:
    roomy = planned(guidance=2.0, decode_chunk=1)
    free(roomy.prediction.peak)  # of which a part is kept in reserve
    plan = planned(guidance=2.0, decode_chunk=1)
    assert plan.fits
    assert plan.changes == ("guidance halves one after the other",)


def test_little_memory_means_smaller_windows_and_chunks(free: Any) -> None:
    free(300 * 10**6)
    plan = planned(guidance=2.0)
    assert plan.fits
    assert plan.settings.halves_apart
    assert plan.settings.decode_chunk < 8
    assert plan.prediction.peak < 300 * 10**6


def test_several_devices_share_no_memory_that_waits_elsewhere() -> None:
    """Each needs the whole UNet: the planner must not choose what the run then refuses."""
    alone, together = Settings(window=24, decode_chunk=1), ("cuda:0", "cuda:1")
    now = alone.resolve(DEFAULTS["official"], size=(64, 64), device="cuda", dtype="bfloat16")
    for rung in (planner._model_offload, planner._group_offload):
        assert rung(alone, now) is not None
        assert rung(replace(alone, devices=together), now) is None


def test_what_was_asked_for_stays_and_the_lack_is_told(free: Any) -> None:
    free(10**6)
    asked: dict[str, Any] = {"window": 16, "decode_chunk": 8, "halves_apart": False}
    plan = planned(guidance=2.0, dtype="float32", **asked)
    assert {name: getattr(plan.settings, name) for name in asked} == asked
    assert not plan.fits
    assert any("Warning" in line for line in plan.lines())


def test_drafts_are_decoded_too() -> None:
    parts = Parts(base=mini.FOLDER)
    settings = Settings().resolve(DEFAULTS["soft"], size=(128, 192), device="cpu", dtype="float32")
    drafted, plain = (
        predict(parts, replace(settings, control_scale=scale), 96).flops for scale in (1.0, 0.0)
    )
    assert drafted["decoding"] == 3 * plain["decoding"]
    assert drafted["denoising"] == plain["denoising"]


def test_a_controlnet_is_counted_beside_its_base(tmp_path: Path) -> None:
    from animate.pipelines import ControlNeXtVideoPipeline
    from temporal.control import join
    from temporal.controlnet import ControlNet

    pipeline = ControlNeXtVideoPipeline.from_pretrained(mini.FOLDER)
    unet: Any = pipeline.unet.float()
    part = ControlNet.from_unet(unet, halvings=3, control_look="soft")
    part.save_pretrained(tmp_path)
    told = {"encoder_hidden_states": torch.rand(1, 1, unet.config["cross_attention_dim"])}
    noisy = torch.rand(1, 4, unet.config["in_channels"], 8, 8)
    with join(unet, part) as joined:
        joined.set((torch.rand(4, unet.config["block_out_channels"][0], 8, 8),))
        real = footprint.run_dry(
            torch.nn.ModuleList([unet, part]),
            lambda: unet(noisy, torch.tensor(1.0), **told, added_time_ids=torch.zeros(1, 3)),
        )
    dry = footprint.denoising(mini.FOLDER, 4, 1, (8, 8), "float32", tmp_path)
    alone = footprint.denoising(mini.FOLDER, 4, 1, (8, 8), "float32")
    assert real.flops == dry.flops > alone.flops
    assert alone.memory < dry.memory == pytest.approx(real.memory, rel=0.02)


def test_a_controlnet_weighs_more_and_costs_more(tmp_path: Path) -> None:
    from temporal.controlnet import ControlNet
    from temporal.unets import _blank

    settings = {k: v for k, v in _blank(mini.FOLDER / "unet").config.items() if k[0] != "_"}
    ControlNet(unet=settings, halvings=3).save_pretrained(tmp_path / "controlnet")
    asked = Settings(device="cpu").resolve(
        DEFAULTS["soft"], size=(128, 192), device="cpu", dtype="float32"
    )
    plain = predict(Parts(base=mini.FOLDER), asked, 96)
    beside = predict(Parts(base=mini.FOLDER, control=tmp_path), asked, 96)
    assert beside.weights > plain.weights
    assert beside.denoising > plain.denoising
    assert beside.flops["denoising"] > 1.2 * plain.flops["denoising"]
    unseen = predict(Parts(base=mini.FOLDER, control=tmp_path), replace(asked, control_scale=0), 96)
    assert unseen.flops["denoising"] == plain.flops["denoising"]


def test_offloading_needs_less_of_the_gpu() -> None:
    parts = Parts(base=mini.FOLDER)

    def peak(way: str) -> int:
        settings = Settings(offload=way).resolve(
            DEFAULTS["soft"], size=(128, 192), device="cpu", dtype="float32"
        )
        return predict(parts, settings, 96).peak

    assert peak("none") > peak("model") > peak("group")


def test_full_size_svd_is_planned_from_its_configuration_alone(tmp_path: Path) -> None:
    from diffusers import UNetSpatioTemporalConditionModel

    with torch.device("meta"):
        config = dict(UNetSpatioTemporalConditionModel().config)  # its defaults are SVD's
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text(json.dumps(config))
    need = footprint.denoising(tmp_path, 24, 2, (128, 72), "float16")
    assert 6e9 < need.memory < 9e9
    assert 1.4e14 < need.flops < 1.7e14


def test_the_command_tells_the_plan_and_stops(
    dance: Path, hero: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.mp4"
    words = [dance, "--ref", hero, "-o", output, "--model", "mini", "--device", "cpu", "--plan"]
    assert main([str(word) for word in words]) == 0
    told = capsys.readouterr().out
    assert "Memory: " in told
    assert "Time: about" in told
    assert not output.exists()


@pytest.mark.slow
def test_predictions_hold_in_reality(samples: Path) -> None:
    script = samples.parent / "scripts" / "bench_planner.py"
    done = subprocess.run([sys.executable, script, "--quick"], capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[-1])["pass"], done.stdout
