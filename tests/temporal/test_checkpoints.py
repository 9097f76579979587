from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from temporal.checkpoints import key_problems, load_controlnext, save_controlnext
from temporal.controlnext import ControlNeXt
from temporal.errors import CheckpointError


def same_weights(left: ControlNeXt, right: ControlNeXt) -> bool:
    pairs = zip(left.state_dict().items(), right.state_dict().items(), strict=True)
    return all(a[0] == b[0] and torch.equal(a[1], b[1]) for a, b in pairs)


def test_a_single_file_remembers_its_settings(encoder: ControlNeXt, tmp_path: Path) -> None:
    save_controlnext(encoder, tmp_path / "control.safetensors")
    loaded = load_controlnext(tmp_path / "control.safetensors")
    assert same_weights(loaded, encoder)
    assert loaded.config["stem_padding"] == 1


def test_a_folder_is_loaded(encoder: ControlNeXt, tmp_path: Path) -> None:
    encoder.save_pretrained(tmp_path)
    assert same_weights(load_controlnext(tmp_path), encoder)


def test_an_official_file_needs_its_variant(tmp_path: Path) -> None:
    official = ControlNeXt.from_variant("svd_v2_training")
    save_file(official.state_dict(), tmp_path / "controlnet.safetensors")
    with pytest.raises(CheckpointError, match="name the variant"):
        load_controlnext(tmp_path / "controlnet.safetensors")
    loaded = load_controlnext(tmp_path / "controlnet.safetensors", variant="svd_v2_training")
    assert same_weights(loaded, official)
    assert not loaded.training


def test_every_wrong_key_is_named(encoder: ControlNeXt) -> None:
    tensors = dict(encoder.state_dict())
    del tensors["mid_convs.1.bias"]
    tensors["extra.weight"] = torch.zeros(1)
    tensors["mid_convs.1.weight"] = torch.zeros(1, 2)
    problems = key_problems(encoder, tensors)
    assert "missing: mid_convs.1.bias" in problems
    assert "unexpected: extra.weight" in problems
    assert "misshapen: mid_convs.1.weight (1, 2) instead of (32, 16, 1, 1)" in problems
    assert key_problems(encoder, encoder.state_dict()) == ""


def test_a_file_of_another_model_is_refused(tmp_path: Path) -> None:
    save_file({"conv.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"missing: .* more; unexpected: conv\.weight"):
        load_controlnext(tmp_path / "other.safetensors", variant="svd_v2")


def test_pickles_are_refused(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "controlnet.bin")
    with pytest.raises(CheckpointError, match=r"not a \.safetensors file"):
        load_controlnext(tmp_path / "controlnet.bin", variant="svd_v2")


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match=r"damaged\.safetensors cannot be read"):
        load_controlnext(damaged, variant="svd_v2")
    with pytest.raises(CheckpointError, match="no weights"):
        load_controlnext(tmp_path / "missing.safetensors", variant="svd_v2")
