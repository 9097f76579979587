"""`animate convert`, there and back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor

from animate.cli import main
from animate.config import Settings
from animate.load import load_model
from temporal.checkpoints import load_controlnext, read_unet
from temporal.controlnext import ControlNeXt

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def base(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as of Stable Video Diffusion, of which the tiny model is made."""
    base = shutil.copytree(tiny_model, tmp_path_factory.mktemp("convert") / "base")
    shutil.rmtree(base / "controlnext")
    entries = json.loads((base / "model_index.json").read_text())
    del entries["controlnext"]
    (base / "model_index.json").write_text(json.dumps(entries))
    return base


@pytest.fixture(scope="module")
def own(base: Path) -> dict[str, Tensor]:
    return load_file(base / "unet" / WEIGHTS)


@pytest.fixture(scope="module")
def tuned(own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The base's UNet after some training of its attention's outputs."""
    torch.manual_seed(1)
    return {
        key: tensor + 0.01 * torch.randn_like(tensor) if "to_out" in key else tensor
        for key, tensor in own.items()
    }


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """The full-size official encoder's tensors."""
    torch.manual_seed(2)
    tensors: dict[str, Tensor] = ControlNeXt.from_variant("svd_v2").state_dict()
    return tensors


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(
        left[key].dtype == right[key].dtype and torch.equal(left[key], right[key]) for key in left
    )


def convert(source: Path, output: Path, form: str, *options: str | Path) -> int:
    return main(["convert", str(source), "-o", str(output), "--to", form, *map(str, options)])


@pytest.mark.parametrize("ours", ["mine.safetensors", "mine"])
def test_an_encoder_there_and_back(
    state: dict[str, Tensor], tmp_path: Path, ours: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save_file(state, tmp_path / "controlnet.safetensors")
    assert convert(tmp_path / "controlnet.safetensors", tmp_path / ours, "ours") == 0
    assert "taken for svd_v2" in capsys.readouterr().out
    assert load_controlnext(tmp_path / ours).config["stem_padding"] == 0
    assert convert(tmp_path / ours, tmp_path / "back.safetensors", "official") == 0
    assert "--variant svd_v2\n" in capsys.readouterr().out
    assert same(load_file(tmp_path / "back.safetensors"), state)


def test_the_variant_is_kept(state: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(state, tmp_path / "x.safetensors")
    ours = tmp_path / "mine.safetensors"
    assert convert(tmp_path / "x.safetensors", ours, "ours") == 1
    assert convert(tmp_path / "x.safetensors", ours, "ours", "--variant", "sdxl") == 0
    assert load_controlnext(ours).config["stem_padding"] == 1


@pytest.mark.parametrize(("name", "dtype"), [("fp16", torch.float16), ("bf16", torch.bfloat16)])
def test_the_number_format_is_chosen(
    state: dict[str, Tensor], tmp_path: Path, name: str, dtype: torch.dtype
) -> None:
    save_file(state, tmp_path / "controlnet.safetensors")
    output = tmp_path / "half.safetensors"
    assert convert(tmp_path / "controlnet.safetensors", output, "official", "--dtype", name) == 0
    assert same(load_file(output), {key: tensor.to(dtype) for key, tensor in state.items()})


def test_pickles_must_be_allowed(
    state: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(state, tmp_path / "controlnet.bin")
    output = tmp_path / "controlnet.safetensors"
    assert convert(tmp_path / "controlnet.bin", output, "official") == 1
    assert "--allow-pickle" in capsys.readouterr().err
    assert not output.exists()
    assert convert(tmp_path / "controlnet.bin", output, "official", "--allow-pickle") == 0
    assert same(load_file(output), state)


@pytest.mark.parametrize("increments", [True, False])
def test_released_files_become_a_model_and_files_again(
    base: Path,
    own: dict[str, Tensor],
    tuned: dict[str, Tensor],
    tmp_path: Path,
    increments: bool,
) -> None:
    model, parts = tmp_path / "model", tmp_path / "parts"
    released = tmp_path / "released"
    released.mkdir()
    part = {key: tensor for key, tensor in tuned.items() if "to_out" in key}
    save_file(ControlNeXt.from_variant("svd_v2").state_dict(), released / "controlnet.safetensors")
    save_file(part, released / "unet.safetensors")
    assert convert(released, model, "ours", "--base", base) == 0
    assert same(load_file(model / "unet" / WEIGHTS), tuned)
    assert load_model(Settings(model=str(model), device="cpu")).look == "official"
    options = ["--increments"] if increments else []
    assert convert(model, parts, "official", "--base", base, *options) == 0
    name = "unet_weight_increasements" if increments else "unet"
    written = load_file(parts / f"{name}.safetensors")
    expected = {key: tensor - own[key] for key, tensor in part.items()} if increments else part
    assert same(written, expected)
    assert read_unet(parts, own)[1] is increments


def test_increments_become_a_complete_unet(
    base: Path, own: dict[str, Tensor], tmp_path: Path
) -> None:
    steps = {"conv_in.bias": torch.full_like(own["conv_in.bias"], 0.5)}
    save_file(steps, tmp_path / "steps.safetensors")
    options = ["--base", base, "--unet-as", "increments"]
    assert convert(tmp_path / "steps.safetensors", tmp_path / "unet", "ours", *options) == 0
    unet = UNetSpatioTemporalConditionModel.from_pretrained(tmp_path / "unet")
    assert torch.equal(unet.conv_in.bias, own["conv_in.bias"] + 0.5)
    assert torch.equal(unet.conv_out.bias, own["conv_out.bias"])


def test_our_file_of_increments_says_so(tmp_path: Path) -> None:
    save_file({"conv_in.bias": torch.ones(2)}, tmp_path / "steps.safetensors")
    ours = tmp_path / "ours.safetensors"
    options = ["--unet-as", "increments"]
    assert convert(tmp_path / "steps.safetensors", ours, "ours", *options) == 0
    assert read_unet(ours)[1] is True
    assert convert(ours, tmp_path / "back", "official") == 0
    assert [p.name for p in (tmp_path / "back").iterdir()] == [
        "unet_weight_increasements.safetensors"
    ]


def test_an_encoder_that_is_not_official_stays_ours(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(tiny_model / "controlnext", tmp_path / "out", "official") == 1
    assert "none of the official ones" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_existing_outputs_are_kept_unless_forced(
    state: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_file(state, tmp_path / "controlnet.safetensors")
    output = tmp_path / "mine"
    output.mkdir()
    (output / "old").touch()
    assert convert(tmp_path / "controlnet.safetensors", output, "ours") == 1
    assert "--force" in capsys.readouterr().err
    assert convert(tmp_path / "controlnet.safetensors", output, "ours", "--force") == 0
    assert sorted(path.name for path in output.iterdir()) == ["config.json", WEIGHTS]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["-o", "x.bin", "--to", "ours"], 2, "name a .safetensors file, or a folder"),
        (["-o", "no/x", "--to", "ours"], 1, "does not exist"),
        (["-o", "x", "--to", "ours", "--base", "."], 2, "expected Stable Video Diffusion's folder"),
        (["-o", "x", "--to", "official", "--increments"], 2, "--base FOLDER"),
        (["-o", "x", "--to", "ours"], 1, "nothing.safetensors: no such file"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: list[str],
    code: int,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["convert", "nothing.safetensors", *words]) == code
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_a_unet_in_a_folder_needs_the_base(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_file({"conv_in.bias": torch.ones(2)}, tmp_path / "unet.safetensors")
    assert convert(tmp_path / "unet.safetensors", tmp_path / "out", "ours") == 2
    assert "needs --base" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["unet.safetensors"]
