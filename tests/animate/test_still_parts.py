"""Official and foreign files of control parts, put into tiny bases."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import diffusers
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from animate import mini
from animate.errors import ModelError
from animate.pipelines.image import denoiser_of
from animate.still_models import StillModel
from animate.still_parts import find_part, look_for, open_controlnet, prepared
from animate.still_settings import ControlChoice, StillSettings
from temporal.controlnext import ControlNeXt
from temporal.errors import CheckpointError
from tests.animate.pipelines.stills import Still, make_still, model_of

# diffusers' names to those of the original ControlNet code, for one layer a block.
NAMES = {
    r"^time_embedding\.linear_(\d)": lambda m: f"time_embed.{(int(m[1]) - 1) * 2}",
    r"^conv_in": lambda m: "input_blocks.0.0",
    r"^controlnet_cond_embedding\.conv_in": lambda m: "input_hint_block.0",
    r"^controlnet_cond_embedding\.blocks\.(\d)": lambda m: f"input_hint_block.{2 + 2 * int(m[1])}",
    r"^controlnet_cond_embedding\.conv_out": lambda m: "input_hint_block.14",
    r"^controlnet_down_blocks\.(\d)": lambda m: f"zero_convs.{m[1]}.0",
    r"^controlnet_mid_block": lambda m: "middle_block_out.0",
    r"^down_blocks\.(\d)\.resnets\.0": lambda m: f"input_blocks.{1 + 2 * int(m[1])}.0",
    r"^down_blocks\.(\d)\.attentions\.0": lambda m: f"input_blocks.{1 + 2 * int(m[1])}.1",
    r"^down_blocks\.(\d)\.downsamplers\.0\.conv": lambda m: (
        f"input_blocks.{2 + 2 * int(m[1])}.0.op"
    ),
    r"^mid_block\.resnets\.(\d)": lambda m: f"middle_block.{2 * int(m[1])}",
    r"^mid_block\.attentions\.0": lambda m: "middle_block.1",
    r"\.norm1\.(?=\w+$)(?<!transformer_blocks.0.norm1.)": lambda m: ".in_layers.0.",
    r"\.conv1\.": lambda m: ".in_layers.2.",
    r"\.time_emb_proj\.": lambda m: ".emb_layers.1.",
    r"\.norm2\.(?=\w+$)(?<!transformer_blocks.0.norm2.)": lambda m: ".out_layers.0.",
    r"\.conv2\.": lambda m: ".out_layers.3.",
    r"\.conv_shortcut\.": lambda m: ".skip_connection.",
}


@pytest.fixture(scope="module")
def sd15(tmp_path_factory: pytest.TempPathFactory) -> Still:
    return make_still("sd15", tmp_path_factory.mktemp("parts") / "sd15")


@pytest.fixture
def model(sd15: Still) -> StillModel:
    return model_of(sd15)


def as_original(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in tensors.items():
        for pattern, new in NAMES.items():
            name = re.sub(pattern, new, name)
        renamed[f"control_model.{name}"] = tensor
    return renamed


def test_single_files_of_controlnet_need_no_settings(model: StillModel, tmp_path: Path) -> None:
    torch.manual_seed(0)
    part = diffusers.ControlNetModel.from_unet(denoiser_of(model.pipeline))
    for parameter in part.controlnet_mid_block.parameters():
        torch.nn.init.normal_(parameter)
    save_file(as_original(part.state_dict()), tmp_path / "control_v11p_sd15_canny.safetensors")
    loaded = open_controlnet(model, tmp_path / "control_v11p_sd15_canny.safetensors")
    own = part.state_dict()
    assert loaded.state_dict().keys() == own.keys()
    assert all(torch.equal(value, own[name]) for name, value in loaded.state_dict().items())


def test_damaged_controlnets_are_told(model: StillModel, tmp_path: Path) -> None:
    file = tmp_path / "control.safetensors"
    file.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"control\.safetensors cannot be loaded"):
        open_controlnet(model, file)
    with pytest.raises(ModelError, match=r"folder with config\.json"):
        open_controlnet(model, tmp_path / "control.pth")


@pytest.fixture
def beside(sd15: Still, tmp_path: Path) -> Path:
    """A folder of a ControlNet with a second file, all ones, beside the first."""
    part = sd15.parts["controlnet"]
    part.save_pretrained(tmp_path)
    ones = {name: torch.ones_like(value) for name, value in part.state_dict().items()}
    save_file(ones, tmp_path / "second.safetensors", metadata={"format": "pt"})
    return tmp_path


def test_the_file_that_was_named_is_read(model: StillModel, beside: Path, sd15: Still) -> None:
    second = open_controlnet(model, beside / "second.safetensors").state_dict()
    assert all((value == 1).all() for value in second.values())
    first, own = open_controlnet(model, beside).state_dict(), sd15.parts["controlnet"].state_dict()
    assert all(torch.equal(value, own[name]) for name, value in first.items())


def test_pickled_controlnets_are_read_only_if_allowed(
    model: StillModel, sd15: Still, tmp_path: Path
) -> None:
    sd15.parts["controlnet"].save_pretrained(tmp_path, safe_serialization=False)
    with pytest.raises(CheckpointError, match="--allow-pickle"):
        open_controlnet(model, tmp_path)
    loaded = open_controlnet(model, tmp_path, allow_pickle=True).state_dict()
    own = sd15.parts["controlnet"].state_dict()
    assert all(torch.equal(value, own[name]) for name, value in loaded.items())


@pytest.mark.parametrize("named", ["", "diffusion_pytorch_model.fp16.safetensors"])
def test_half_precision_alone_is_enough(
    model: StillModel, sd15: Still, tmp_path: Path, named: str
) -> None:
    sd15.parts["controlnet"].save_pretrained(tmp_path, variant="fp16")
    loaded = open_controlnet(model, tmp_path / named).state_dict()
    own = sd15.parts["controlnet"].state_dict()
    assert all(torch.equal(value, own[name]) for name, value in loaded.items())


@pytest.mark.parametrize("variant", ["sd15_training", "sd15_legacy"])
def test_official_files_are_known_by_their_base(
    model: StillModel, tmp_path: Path, variant: str
) -> None:
    """Released as controlnet.safetensors alone, which for a video would be taken for SVD."""
    torch.manual_seed(0)
    official = ControlNeXt.from_variant(variant)
    file, lines = tmp_path / "controlnet.safetensors", []
    save_file({k: v.contiguous() for k, v in official.state_dict().items()}, file)
    choice = ControlChoice(picture=None, kind="canny", weights=str(file))
    with prepared(
        model, [choice], StillSettings(model=str(tmp_path)), lines.append, method="controlnext"
    ) as (part,):
        assert part.injection == official.injection
        assert all(torch.equal(v, official.state_dict()[k]) for k, v in part.state_dict().items())
    assert f"controlnet.safetensors is {variant}, by its names and shapes" in lines


def test_a_folder_as_released_brings_its_increments(model: StillModel, tmp_path: Path) -> None:
    denoiser = denoiser_of(model.pipeline)
    before = {name: value.clone() for name, value in denoiser.state_dict().items()}
    encoder = ControlNeXt.from_variant("sd15_training").state_dict()
    save_file({k: v.contiguous() for k, v in encoder.items()}, tmp_path / "controlnet.safetensors")
    added = {n: torch.randn_like(v) * 0.01 for n, v in before.items() if "to_out.0.w" in n}
    save_file(added, tmp_path / "unet_weight_increasements.safetensors")
    choice = ControlChoice(picture=None, kind="canny", weights=str(tmp_path))
    lines: list[str] = []
    with prepared(
        model, [choice], StillSettings(model=str(tmp_path)), lines.append, method="controlnext"
    ):
        for name, value in added.items():
            assert torch.equal(denoiser.state_dict()[name], before[name] + value)
    assert all(torch.equal(v, before[n]) for n, v in denoiser.state_dict().items())
    assert any(line.startswith(f"Base: increments of {len(added)} of") for line in lines)


@pytest.mark.parametrize(("asked", "drawn"), [(None, "soft"), ("openpose", "openpose")])
def test_skeletons_are_drawn_as_the_part_was_trained(
    model: StillModel, tmp_path: Path, asked: str | None, drawn: str
) -> None:
    weights = tmp_path / "controls" / "pose"
    ControlNeXt(out_channels=32, control_look="soft").save_pretrained(weights)
    own, settings = replace(model, folder=tmp_path), StillSettings(model=str(tmp_path), look=asked)
    assert look_for(own, ControlChoice(picture=None, kind="pose"), settings) == drawn
    there = ControlChoice(picture=None, kind="pose", weights=str(weights))
    assert look_for(model, there, settings) == drawn


@pytest.mark.parametrize(
    ("method", "drawn"), [("controlnext", "official"), ("controlnet", "openpose")]
)
def test_skeletons_of_released_parts_look_as_released(
    model: StillModel, tmp_path: Path, method: str, drawn: str
) -> None:
    settings = StillSettings(model=str(tmp_path), method=method)
    assert look_for(model, ControlChoice(picture=None, kind="pose"), settings) == drawn


def test_no_released_part_is_tried_on_an_embedded_model(model: StillModel) -> None:
    embedded = replace(model, folder=mini.FOLDER.with_name("mini-none"), name="mini-none")
    with pytest.raises(ModelError, match="mini-none has no controlnext for lines; give --weights"):
        find_part(embedded, "lines", "controlnext")
