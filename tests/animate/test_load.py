"""What is loaded, from files of every kind, and what is said of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from safetensors.torch import load_file, save_file

from animate import load, mini
from animate.config import Settings
from animate.errors import ModelError, UsageError
from temporal.autoencoder import SmallTemporalAutoencoder
from temporal.checkpoints import save_unet_part
from temporal.controlnext import ControlNeXt
from temporal.errors import CheckpointError
from temporal.patch import difference


def opened(**settings: Any) -> load.Model:
    return load.load_model(Settings(device="cpu", **settings))


@pytest.mark.parametrize("part", ["vae", "controlnext"])
def test_damaged_weights_are_a_model_error(tiny_model: Path, tmp_path: Path, part: str) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "damaged")
    (folder / part / "diffusion_pytorch_model.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(ModelError, match="damaged cannot be loaded"):
        opened(model=str(folder))


def test_folder_loads_with_its_own_defaults(tiny_model: Path) -> None:
    model = opened(model=str(tiny_model))
    assert (model.name, model.look, model.dtype, model.notes) == ("tiny", "soft", "float32", ())
    assert model.pipeline.size_multiple == 4


def test_folder_may_hold_our_own_autoencoder(tiny_model: Path, tmp_path: Path) -> None:
    pipeline = opened(model=str(tiny_model)).pipeline
    small = SmallTemporalAutoencoder.from_config({**pipeline.vae.config, "norm_num_groups": 8})
    pipeline.register_modules(vae=small)
    pipeline.save_pretrained(tmp_path / "small")
    again = opened(model=str(tmp_path / "small")).pipeline
    assert isinstance(again.vae, SmallTemporalAutoencoder)


def test_parts_of_a_folder_can_be_replaced(tiny_model: Path, tmp_path: Path) -> None:
    encoder = ControlNeXt.from_pretrained(tiny_model / "controlnext")
    torch.nn.init.constant_(encoder.mid_convs[1].bias, 3.0)
    encoder.save_pretrained(tmp_path)
    model = opened(model=str(tiny_model), controlnext=str(tmp_path))
    assert (model.pipeline.controlnext.mid_convs[1].bias == 3).all()
    assert model.notes == ("UNet: the own one of tiny; --unet names another",)


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
    """Putting SVD together from released-style files, on a base as small as the encoder allows."""

    @pytest.fixture(scope="class")
    def base(self, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A folder as of Stable Video Diffusion."""
        base = shutil.copytree(tiny_model, tmp_path_factory.mktemp("svd") / "base")
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
        return base

    @pytest.fixture(scope="class")
    def own(self, base: Path) -> dict[str, torch.Tensor]:
        """The base's UNet."""
        return load_file(base / "unet" / "diffusion_pytorch_model.safetensors")

    @pytest.fixture
    def released(self, tmp_path: Path) -> Path:
        """A folder with a released encoder, for the UNet to be put beside it."""
        encoder = ControlNeXt.from_variant("svd_v2")
        save_file(encoder.state_dict(), tmp_path / "controlnet.safetensors")
        return tmp_path

    @pytest.fixture
    def no_weights(self, base: Path) -> Iterator[None]:
        """The base without its UNet's weights."""
        weights = base / "unet" / "diffusion_pytorch_model.safetensors"
        weights.rename(base / "away")
        yield
        (base / "away").rename(weights)

    def test_released_values_replace_those_of_the_base(
        self, base: Path, released: Path, own: dict[str, torch.Tensor]
    ) -> None:
        bias = torch.full_like(own["conv_in.bias"], 7.0)
        save_file({"conv_in.bias": bias}, released / "unet.safetensors")
        model = opened(base=str(base), controlnext=str(released))
        state = model.pipeline.unet.state_dict()
        assert torch.equal(state.pop("conv_in.bias"), bias)
        assert all(torch.equal(tensor, own[key]) for key, tensor in state.items())
        assert (model.name, model.look) == ("svd", "official")
        assert model.notes == (
            "controlnet.safetensors is taken for svd_v2, as released; its weights would also fit "
            "svd_v2_training, sdxl, sd15_training (--variant)",
            f"UNet: values of 1 of {len(own)} tensors from unet.safetensors",
        )

    def test_the_variant_can_be_told(self, base: Path, released: Path) -> None:
        model = opened(base=str(base), controlnext=str(released), variant="svd_v2_training")
        assert model.pipeline.controlnext.config["stem_padding"] == 1
        assert model.notes == ("UNet: the own one of base; --unet names another",)

    @pytest.mark.usefixtures("no_weights")
    def test_a_complete_unet_needs_none_of_the_base(
        self, base: Path, released: Path, own: dict[str, torch.Tensor]
    ) -> None:
        fast = {key: tensor.half() + 1 for key, tensor in own.items()}
        save_file(fast, released / "AnimateLCM-SVD-xt-1.1.safetensors")
        model = opened(
            base=str(base),
            controlnext=str(released),
            unet=str(released / "AnimateLCM-SVD-xt-1.1.safetensors"),
            dtype="float16",
        )
        state = model.pipeline.unet.state_dict()
        assert all(torch.equal(state[key], tensor) for key, tensor in fast.items())
        assert f"all {len(own)} tensors from AnimateLCM" in model.notes[-1]

    @pytest.mark.usefixtures("no_weights")
    def test_a_partial_unet_needs_the_base(self, base: Path, released: Path) -> None:
        save_file({"conv_in.bias": torch.zeros(320)}, released / "unet.safetensors")
        with pytest.raises(CheckpointError, match="need the base model's weights"):
            opened(base=str(base), controlnext=str(released))

    @pytest.mark.parametrize("named", ["unet_weight_increasements", "mine", "ours"])
    def test_increments_are_added(
        self, base: Path, released: Path, own: dict[str, torch.Tensor], named: str
    ) -> None:
        tuned = {key: tensor + 0.01 * torch.randn_like(tensor) for key, tensor in own.items()}
        path = released / f"{named}.safetensors"
        steps = difference(tuned, own)
        if named == "ours":
            save_unet_part(steps, path, increments=True)
        else:
            save_file(steps, path)
        model = opened(
            base=str(base),
            controlnext=str(released),
            unet=str(path),
            unet_as="increments" if named == "mine" else "auto",
        )
        state = model.pipeline.unet.state_dict()
        assert all(torch.equal(state[key], own[key] + steps[key]) for key in own)
        assert "increments of" in model.notes[-1]

    def test_weights_in_half_precision_alone_are_found(
        self, base: Path, released: Path, tmp_path: Path
    ) -> None:
        halves = shutil.copytree(base, tmp_path / "halves")
        for path in list(halves.rglob("*.safetensors")):
            path.rename(path.with_suffix(".fp16.safetensors"))
        model = opened(base=str(halves), controlnext=str(released))
        assert model.pipeline.unet.dtype == torch.float32

    def test_official_pickles_must_be_allowed(
        self, base: Path, own: dict[str, torch.Tensor], tmp_path: Path
    ) -> None:
        torch.save(ControlNeXt.from_variant("svd_v2").state_dict(), tmp_path / "controlnet.bin")
        torch.save({key: tensor + 1 for key, tensor in own.items()}, tmp_path / "unet.bin")
        with pytest.raises(CheckpointError, match="--allow-pickle"):
            opened(base=str(base), controlnext=str(tmp_path))
        model = opened(base=str(base), controlnext=str(tmp_path), allow_pickle=True)
        assert torch.equal(model.pipeline.unet.conv_in.bias, own["conv_in.bias"] + 1)

    @pytest.mark.parametrize(
        ("tensors", "complaint"),
        [
            ({"down_blocks.9.bias": torch.zeros(1)}, r"unexpected: down_blocks\.9\.bias"),
            ({"conv_in.bias": torch.zeros(4)}, r"conv_in\.bias \(4,\) instead of \(320,\)"),
        ],
    )
    def test_foreign_values_are_refused(
        self, base: Path, released: Path, tensors: dict[str, torch.Tensor], complaint: str
    ) -> None:
        save_file(tensors, released / "unet.safetensors")
        with pytest.raises(CheckpointError, match=complaint):
            opened(base=str(base), controlnext=str(released))
