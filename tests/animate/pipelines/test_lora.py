from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn

from animate.pipelines import ControlNeXtVideoPipeline
from temporal.errors import CheckpointError

pytest.importorskip("peft")
Run = Callable[..., Any]
Weights = dict[str, Tensor]
RANK = 2


@pytest.fixture(scope="module")
def weights(pipeline: ControlNeXtVideoPipeline) -> Weights:
    """Random LoRA weights for the attention of the tiny UNet, spatial and temporal."""
    generator = torch.Generator().manual_seed(0)
    made: Weights = {}
    for name, module in pipeline.unet.named_modules():
        if isinstance(module, nn.Linear) and name.endswith(("to_q", "to_v")):
            inner, outer = module.in_features, module.out_features
            made[f"unet.{name}.lora_A.weight"] = torch.randn(RANK, inner, generator=generator)
            made[f"unet.{name}.lora_B.weight"] = torch.randn(outer, RANK, generator=generator)
    return made


@pytest.fixture
def clean(pipeline: ControlNeXtVideoPipeline) -> Iterator[ControlNeXtVideoPipeline]:
    yield pipeline
    pipeline.unload_lora_weights()


def test_lora_changes_the_video_and_unloading_restores_every_bit(
    clean: ControlNeXtVideoPipeline, run: Run, weights: Weights
) -> None:
    plain = run()
    clean.load_lora_weights(weights)
    changed = run()
    assert not torch.allclose(changed, plain, atol=1e-2)
    clean.unload_lora_weights()
    assert type(clean.unet) is UNetSpatioTemporalConditionModel
    assert torch.equal(run(), plain)
    assert not torch.equal(changed, plain)


def test_control_still_steers(
    clean: ControlNeXtVideoPipeline, run: Run, weights: Weights, control: Tensor
) -> None:
    clean.load_lora_weights(weights)
    steered, other = run(), run(control=control.flip(0)[:7])
    assert not torch.allclose(steered, other, atol=1e-3)
    without = run(control_scale=0.0)
    assert torch.equal(without, run(control=control.flip(0)[:7], control_scale=0.0))


def test_several_devices_use_the_lora_too(
    clean: ControlNeXtVideoPipeline, run: Run, weights: Weights
) -> None:
    clean.load_lora_weights(weights)
    assert torch.equal(run(devices=["cpu", "cpu"]), run())


def test_adapters_are_named_weighted_switched_and_fused(
    clean: ControlNeXtVideoPipeline, run: Run, weights: Weights
) -> None:
    plain = run(3)
    clean.load_lora_weights(weights, adapter_name="dance")
    full = run(3)
    assert clean.get_list_adapters() == {"unet": ["dance"]}
    clean.set_adapters("dance", 0.0)
    torch.testing.assert_close(run(3), plain)
    clean.set_adapters("dance", 1.0)
    clean.disable_lora()
    assert torch.equal(run(3), plain)
    clean.enable_lora()
    assert torch.equal(run(3), full)
    clean.fuse_lora()
    torch.testing.assert_close(run(3), full, atol=1e-2, rtol=1e-2)
    clean.unfuse_lora()


@pytest.mark.parametrize("prefix", ["unet.", "", "base_model.model."])
def test_files_of_every_spelling_are_read(
    prefix: str, clean: ControlNeXtVideoPipeline, run: Run, weights: Weights, tmp_path: Path
) -> None:
    clean.load_lora_weights(weights)
    expected = run(3)
    clean.unload_lora_weights()
    named = {prefix + name.removeprefix("unet."): value for name, value in weights.items()}
    save_file(named, tmp_path / "pytorch_lora_weights.safetensors")
    clean.load_lora_weights(tmp_path)
    assert torch.equal(run(3), expected)


def test_names_as_kohya_writes_them_reach_temporal_layers_too(
    clean: ControlNeXtVideoPipeline, run: Run, weights: Weights
) -> None:
    clean.load_lora_weights(weights)
    expected = run(3)
    clean.unload_lora_weights()
    named: Weights = {}
    for name, value in weights.items():
        layer, _, end = name.removeprefix("unet.").partition(".lora_")
        way = "down" if end.startswith("A") else "up"
        named[f"lora_unet_{layer.replace('.', '_')}.lora_{way}.weight"] = value
        named[f"lora_unet_{layer.replace('.', '_')}.alpha"] = torch.tensor(float(RANK))
    clean.load_lora_weights(named)
    torch.testing.assert_close(run(3), expected)


def test_saved_lora_weights_are_read_back(
    clean: ControlNeXtVideoPipeline, run: Run, weights: Weights, tmp_path: Path
) -> None:
    layers = {name.removeprefix("unet."): value for name, value in weights.items()}
    clean.save_lora_weights(tmp_path, unet_lora_layers=layers)
    clean.load_lora_weights(str(tmp_path), weight_name="pytorch_lora_weights.safetensors")
    saved = run(3)
    clean.unload_lora_weights()
    clean.load_lora_weights(weights)
    assert torch.equal(run(3), saved)


def test_pickles_are_not_read_unless_allowed(
    clean: ControlNeXtVideoPipeline, weights: Weights, tmp_path: Path
) -> None:
    torch.save(weights, tmp_path / "pytorch_lora_weights.bin")
    for asked in ({}, {"weight_name": "pytorch_lora_weights.bin"}):
        with pytest.raises(CheckpointError, match="no safetensors file"):
            clean.load_lora_weights(tmp_path, **asked)
    clean.load_lora_weights(tmp_path, use_safetensors=False)
    assert len(clean.get_active_adapters()) == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda weights: {"transformer.x.lora_A.weight": torch.zeros(2, 2)}, "nothing for this"),
        (lambda weights: {name: value[:, :1] for name, value in weights.items()}, "do not fit"),
        (
            lambda weights: {name.replace("attn1", "attn7"): w for name, w in weights.items()},
            "not in this UNet",
        ),
    ],
)
def test_weights_for_another_model_are_refused_and_leave_nothing(
    spoil: Any, message: str, clean: ControlNeXtVideoPipeline, run: Run, weights: Weights
) -> None:
    names, plain = list(clean.unet.state_dict()), run(3)
    with pytest.raises(CheckpointError, match=message):
        clean.load_lora_weights(spoil(weights))
    assert list(clean.unet.state_dict()) == names
    assert torch.equal(run(3), plain)
