"""Control encoders and UNet weights, in our files and in the official ones."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn

from temporal import official
from temporal.checkpoints import (
    load_controlnext,
    read_unet,
    save_controlnext,
    save_unet_part,
)
from temporal.controlnext import VARIANTS, ControlNeXt
from temporal.errors import CheckpointError
from temporal.keys import compare_keys

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "scripts"


def same_weights(left: nn.Module, right: nn.Module) -> bool:
    pairs = zip(left.state_dict().items(), right.state_dict().items(), strict=True)
    return all(a[0] == b[0] and torch.equal(a[1], b[1]) for a, b in pairs)


@pytest.fixture(scope="module")
def recipe() -> Any:
    """The golden fixtures' recipe for weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        return importlib.import_module("golden.recipe")


@pytest.fixture(scope="module")
def released(recipe: Any) -> ControlNeXt:
    """The full-size svd_v2 encoder."""
    encoder: ControlNeXt = recipe.rebuild(ControlNeXt.from_variant("svd_v2"), 7)
    return encoder


class TestEncoder:
    def test_a_single_file_remembers_its_settings(
        self, encoder: ControlNeXt, tmp_path: Path
    ) -> None:
        save_controlnext(encoder, tmp_path / "control.safetensors")
        loaded = load_controlnext(tmp_path / "control.safetensors")
        assert same_weights(loaded, encoder)
        assert loaded.config["stem_padding"] == 1
        assert not loaded.training

    def test_a_folder_is_loaded(self, encoder: ControlNeXt, tmp_path: Path) -> None:
        encoder.save_pretrained(tmp_path / "controlnext")
        assert same_weights(load_controlnext(tmp_path / "controlnext"), encoder)
        assert same_weights(load_controlnext(tmp_path), encoder)
        assert same_weights(ControlNeXt.from_pretrained(tmp_path / "controlnext"), encoder)

    def test_settings_can_be_replaced(self, encoder: ControlNeXt, tmp_path: Path) -> None:
        save_controlnext(encoder, tmp_path / "control.safetensors")
        loaded = load_controlnext(tmp_path / "control.safetensors", gain=0.5)
        assert loaded.config["gain"] == 0.5

    def test_official_weights_load_beside_layers_that_start_as_identity(
        self, released: ControlNeXt, tmp_path: Path
    ) -> None:
        save_file(released.state_dict(), tmp_path / "controlnet.safetensors")
        loaded = load_controlnext(tmp_path, variant="svd_v2", temporal_layers=1)
        control, time = torch.rand(1, 2, 3, 32, 32), torch.tensor(1.0)
        with torch.no_grad():
            assert torch.equal(loaded(control, time), released(control, time))

    @pytest.mark.parametrize("variant", VARIANTS)
    @pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
    def test_official_files_of_every_variant(
        self, recipe: Any, tmp_path: Path, variant: str, suffix: str
    ) -> None:
        encoder = recipe.rebuild(ControlNeXt.from_variant(variant), 3)
        path = tmp_path / f"controlnet{suffix}"
        (save_file if suffix == ".safetensors" else torch.save)(encoder.state_dict(), path)
        loaded = load_controlnext(path, variant=variant, allow_pickle=True)
        assert same_weights(loaded, encoder)
        assert loaded.config == encoder.config
        assert official.variant_of(loaded) == variant

    def test_other_settings_are_no_official_variant(self, encoder: ControlNeXt) -> None:
        assert official.variant_of(encoder) is None

    def test_the_released_file_is_taken_for_svd_v2(
        self, released: ControlNeXt, tmp_path: Path
    ) -> None:
        save_file(released.state_dict(), tmp_path / "controlnet.safetensors")
        lines: list[str] = []
        loaded = load_controlnext(tmp_path, report=lines.append)
        assert same_weights(loaded, released)
        assert loaded.config["stem_padding"] == 0
        (line,) = lines
        assert "taken for svd_v2" in line
        assert "svd_v2_training, sdxl, sd15_training (--variant)" in line

    def test_other_names_must_be_told(self, released: ControlNeXt, tmp_path: Path) -> None:
        save_file(released.state_dict(), tmp_path / "controlnext.safetensors")
        with pytest.raises(CheckpointError, match=r"--variant\), one of svd_v2, svd_v2_training"):
            load_controlnext(tmp_path / "controlnext.safetensors")

    def test_an_encoder_of_its_own_shape_is_recognised(self, tmp_path: Path) -> None:
        encoder = ControlNeXt.from_variant("svd_v1")
        save_file(encoder.state_dict(), tmp_path / "any.safetensors")
        lines: list[str] = []
        loaded = load_controlnext(tmp_path / "any.safetensors", report=lines.append)
        assert loaded.config["site"] == "svd_v1"
        assert lines == ["any.safetensors is svd_v1, by its names and shapes"]

    def test_the_wrong_variant_is_told_the_right_ones(
        self, released: ControlNeXt, tmp_path: Path
    ) -> None:
        save_file(released.state_dict(), tmp_path / "controlnet.safetensors")
        with pytest.raises(CheckpointError, match=r"missing: scale.*it would fit svd_v2, svd_v2_"):
            load_controlnext(tmp_path, variant="svd_v1")
        with pytest.raises(CheckpointError, match=r"unknown variant 'v3'; known: svd_v2"):
            load_controlnext(tmp_path, variant="v3")

    def test_half_precision_is_read_into_single(
        self, released: ControlNeXt, tmp_path: Path
    ) -> None:
        halves = {key: tensor.half() for key, tensor in released.state_dict().items()}
        save_file(halves, tmp_path / "controlnet.safetensors")
        loaded = load_controlnext(tmp_path).state_dict()
        assert all(torch.equal(loaded[key], half.float()) for key, half in halves.items())

    def test_a_training_state_holds_both_parts(self, released: ControlNeXt, tmp_path: Path) -> None:
        state = {f"controlnext.{key}": tensor for key, tensor in released.state_dict().items()}
        state["unet.conv_in.bias"] = torch.ones(3)
        torch.save(state, tmp_path / "pytorch_model.bin")
        loaded = load_controlnext(
            tmp_path / "pytorch_model.bin", variant="svd_v2_training", allow_pickle=True
        )
        assert same_weights(loaded, released)
        tensors, _ = read_unet(tmp_path / "pytorch_model.bin", allow_pickle=True)
        assert list(tensors) == ["conv_in.bias"]

    def test_a_file_of_another_model_is_refused(self, tmp_path: Path) -> None:
        save_file({"conv.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
        with pytest.raises(CheckpointError, match=r"missing: .* more; unexpected: conv\.weight"):
            load_controlnext(tmp_path / "other.safetensors", variant="svd_v2")
        with pytest.raises(CheckpointError, match=r"fits none of svd_v2"):
            load_controlnext(tmp_path / "other.safetensors")

    def test_the_folder_of_another_model_is_refused(
        self, unet: UNetSpatioTemporalConditionModel, tmp_path: Path
    ) -> None:
        unet.save_pretrained(tmp_path)
        with pytest.raises(CheckpointError, match="no control encoder"):
            load_controlnext(tmp_path)

    def test_pickles_must_be_allowed(self, released: ControlNeXt, tmp_path: Path) -> None:
        torch.save(released.state_dict(), tmp_path / "controlnet.bin")
        for path in (tmp_path, tmp_path / "controlnet.bin"):
            with pytest.raises(CheckpointError, match="--allow-pickle"):
                load_controlnext(path, variant="svd_v2")
        assert same_weights(load_controlnext(tmp_path, allow_pickle=True), released)


def test_every_wrong_key_is_named(encoder: ControlNeXt) -> None:
    tensors = dict(encoder.state_dict())
    del tensors["mid_convs.1.bias"]
    tensors["extra.weight"] = torch.zeros(1)
    tensors["mid_convs.1.weight"] = torch.zeros(1, 2)
    report = compare_keys(encoder, tensors)
    misshapen = "misshapen: mid_convs.1.weight (1, 2) instead of (32, 16, 1, 1)"
    assert report.problems(partial=True) == f"unexpected: extra.weight; {misshapen}"
    assert report.problems().startswith("missing: mid_convs.1.bias; unexpected: extra.weight; ")
    assert report.total == len(encoder.state_dict()) == len(report.fitting) + 2
    assert compare_keys(encoder, encoder.state_dict()).problems() == ""


class TestUNet:
    @pytest.fixture(scope="class")
    def base(self, unet: UNetSpatioTemporalConditionModel) -> dict[str, Tensor]:
        state: dict[str, Tensor] = unet.state_dict()
        return state

    def test_our_own_files_say_what_they_are(self, base: dict[str, Tensor], tmp_path: Path) -> None:
        for increments in (True, False):
            save_unet_part(base, tmp_path / "x.safetensors", increments=increments)
            tensors, told = read_unet(tmp_path / "x.safetensors")
            assert told is increments
            assert tensors.keys() == base.keys()

    def test_the_name_for_increments_may_lie(self, base: dict[str, Tensor], tmp_path: Path) -> None:
        path = tmp_path / "unet_weight_increasements.safetensors"
        save_file(base, path)
        assert read_unet(path)[1] is True  # nothing to compare with
        assert read_unet(path, base)[1] is False
        assert read_unet(path, base, increments=True)[1] is True
        save_file({key: 0.01 * torch.randn(t.shape) for key, t in base.items()}, path)
        assert read_unet(path, base)[1] is True

    def test_a_folder_of_released_files(self, base: dict[str, Tensor], tmp_path: Path) -> None:
        save_file({"conv_in.bias": base["conv_in.bias"]}, tmp_path / "unet.safetensors")
        assert list(read_unet(tmp_path)[0]) == ["conv_in.bias"]

    def test_a_folder_of_diffusers(
        self, unet: UNetSpatioTemporalConditionModel, tmp_path: Path
    ) -> None:
        unet.save_pretrained(tmp_path / "unet")
        for folder in (tmp_path, tmp_path / "unet"):
            assert read_unet(folder)[0].keys() == unet.state_dict().keys()

    @pytest.mark.parametrize(
        ("key", "complaint"),
        [
            ("down_res.0.conv1.weight", "holds a control encoder"),
            ("model.diffusion_model.input_blocks.0.0.weight", "in diffusers' names"),
            ("no.such.layer", r"neither a control encoder nor a UNet, but 'no\.such\.layer'"),
        ],
    )
    def test_other_weights_are_refused(self, tmp_path: Path, key: str, complaint: str) -> None:
        save_file({key: torch.zeros(1)}, tmp_path / "unet.safetensors")
        with pytest.raises(CheckpointError, match=complaint):
            read_unet(tmp_path)


def test_names_of_the_released_files(shared: Path) -> None:
    """What the official code writes at full size: the control encoders of all variants."""
    folder = shared / "golden" / "state_dict_keys"
    listed = json.loads((folder / "control_modules.json").read_text())
    for variant, entry in listed.items():
        blank = {key: torch.empty(e["shape"], device="meta") for key, e in entry["keys"].items()}
        with torch.device("meta"):
            encoder = ControlNeXt.from_variant(variant)
        assert compare_keys(encoder, blank).problems() == ""
