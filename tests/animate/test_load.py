"""Which model is taken, why, and what is said when it cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import save_file

from animate import load, mini
from animate.config import Settings
from animate.errors import ModelError, UsageError
from temporal.autoencoder import SmallTemporalAutoencoder
from temporal.controlnext import ControlNeXt


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def put(cache: Path, repository: str, name: str) -> Path:
    """An empty file where the cache would keep it."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text("abc")
    path = folder / "snapshots" / "abc" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def fill(cache: Path) -> None:
    put(cache, load.SVD_BASES[1], "model_index.json")
    for name in (*load.CONTROL_FILES, load.UNET_FILES[0]):
        put(cache, load.CONTROL_REPOSITORY, f"{load.CONTROL_FOLDER}/{name}")


def test_auto_without_a_gpu_takes_the_embedded_model(cache: Path) -> None:
    fill(cache)
    choice = load.choose_model("auto", "cpu")
    assert choice.name == "mini"
    assert "no GPU" in choice.why


def test_auto_on_a_gpu_without_weights_takes_the_embedded_model(cache: Path) -> None:
    choice = load.choose_model("auto", "cuda")
    assert choice.name == "mini"
    assert "no Stable Video Diffusion weights" in choice.why


def test_auto_on_a_gpu_with_weights_takes_svd(cache: Path) -> None:
    fill(cache)
    choice = load.choose_model("auto", "cuda")
    assert choice.name == "svd"
    assert isinstance(choice.source, load.SvdFiles)
    assert choice.source.control.name == "controlnet.safetensors"


def test_svd_without_weights_says_what_is_missing(cache: Path) -> None:
    with pytest.raises(ModelError, match=r"Pbihao/ControlNeXt.*--model mini"):
        load.choose_model("svd", "cpu")


def test_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"auto \| mini \| svd"):
        load.choose_model("maxi", "cpu")


def test_folder_that_is_no_model_says_what_a_model_is(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model_index\.json"):
        load.choose_model(str(tmp_path), "cpu")


def test_pickled_weights_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "pickled")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(ModelError, match="safetensors"):
        load.choose_model(str(folder), "cpu")


@pytest.mark.parametrize("part", ["vae", "controlnext"])
def test_damaged_weights_are_a_model_error(tiny_model: Path, tmp_path: Path, part: str) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "damaged")
    (folder / part / "diffusion_pytorch_model.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(ModelError, match="damaged cannot be loaded"):
        load.load_model(Settings(model=str(folder), device="cpu"))


def test_folder_loads_with_its_own_defaults(tiny_model: Path) -> None:
    model = load.load_model(Settings(model=str(tiny_model), device="cpu"))
    assert (model.name, model.look, model.dtype) == ("tiny", "soft", "float32")
    assert model.pipeline.size_multiple == 4


def test_folder_may_hold_our_own_autoencoder(tiny_model: Path, tmp_path: Path) -> None:
    pipeline = load.load_model(Settings(model=str(tiny_model), device="cpu")).pipeline
    small = SmallTemporalAutoencoder.from_config({**pipeline.vae.config, "norm_num_groups": 8})
    pipeline.register_modules(vae=small)
    pipeline.save_pretrained(tmp_path / "small")
    again = load.load_model(Settings(model=str(tmp_path / "small"), device="cpu")).pipeline
    assert isinstance(again.vae, SmallTemporalAutoencoder)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_gpu_is_asked_for_in_vain() -> None:
    with pytest.raises(UsageError, match="--device cpu"):
        load.pick_device("cuda")


def test_half_precision_is_for_large_models_on_a_gpu() -> None:
    assert load.pick_dtype("auto", "cuda", "svd") == "float16"
    assert load.pick_dtype("auto", "cuda", "mini") == "float32"
    assert load.pick_dtype("auto", "cpu", "svd") == "float32"
    assert load.pick_dtype("bfloat16", "cpu", "mini") == "bfloat16"


def test_the_embedded_model_is_small_and_only_safetensors() -> None:
    files = [path for path in mini.FOLDER.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".md"}
    assert 0 < sum(path.stat().st_size for path in files) < 30e6


class TestSvd:
    """Assembling SVD from released-style files, on a base as small as the encoder allows."""

    @pytest.fixture(scope="class")
    def files(self, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> load.SvdFiles:
        from diffusers import UNetSpatioTemporalConditionModel

        folder = tmp_path_factory.mktemp("svd")
        base = shutil.copytree(tiny_model, folder / "base")
        shutil.rmtree(base / "controlnext")
        index = base / "model_index.json"
        entries = json.loads(index.read_text())
        del entries["controlnext"]
        entries["_class_name"] = "StableVideoDiffusionPipeline"
        index.write_text(json.dumps(entries))
        config = UNetSpatioTemporalConditionModel.load_config(base / "unet")
        unet = UNetSpatioTemporalConditionModel.from_config(
            {**config, "block_out_channels": (320, 32)}
        )
        unet.save_pretrained(base / "unet")
        save_file(
            ControlNeXt.from_variant("svd_v2").state_dict(), folder / "controlnet.safetensors"
        )
        save_file(
            {"conv_in.bias": torch.full_like(unet.state_dict()["conv_in.bias"], 7.0)},
            folder / "unet.safetensors",
        )
        return load.SvdFiles(
            base=base,
            control=folder / "controlnet.safetensors",
            unet=folder / "unet.safetensors",
        )

    def test_released_values_replace_those_of_the_base(self, files: load.SvdFiles) -> None:
        choice = load.ModelChoice(name="svd", source=files, why="")
        pipeline = load.load_pipeline(choice, "cpu", "float32")
        assert (pipeline.unet.conv_in.bias == 7).all()
        assert pipeline.controlnext.config["control_look"] == "official"

    def test_foreign_values_are_refused(self, files: load.SvdFiles, tmp_path: Path) -> None:
        save_file({"no.such.layer": torch.zeros(1)}, tmp_path / "unet.safetensors")
        wrong = load.SvdFiles(
            base=files.base, control=files.control, unet=tmp_path / "unet.safetensors"
        )
        with pytest.raises(ModelError, match=r"no\.such\.layer"):
            load.load_pipeline(load.ModelChoice(name="svd", source=wrong, why=""), "cpu", "float32")
