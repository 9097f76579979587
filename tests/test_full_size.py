"""Stable Video Diffusion at its full size, with random weights, on two cores and little memory."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKLTemporalDecoder,
    EulerDiscreteScheduler,
    UNetSpatioTemporalConditionModel,
)
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from animate.pipelines.video import ControlNeXtVideoPipeline
from temporal.controlnext import ControlNeXt
from temporal.schedulers import SVD_EULER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# What the configs of stable-video-diffusion-img2vid-xt say where diffusers' and transformers'
# defaults differ.
UNET: dict[str, Any] = {"num_attention_heads": (5, 10, 20, 20), "sample_size": 96}
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "layers_per_block": 2,
    "sample_size": 768,
}
CLIP: dict[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "projection_dim": 1024,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "patch_size": 14,
    "hidden_act": "gelu",
}
PARAMETERS = {"unet": 1_524_623_082, "image_encoder": 632_076_800, "controlnext": 3_526_400}
FRAMES, HEIGHT, WIDTH = 3, 64, 128
MEMORY = 10 * 2**30


def build(make: Callable[[], nn.Module]) -> nn.Module:
    """A module in bfloat16 with weights of a fan-in's size, never held twice."""
    torch.set_default_dtype(torch.bfloat16)
    try:
        # Without the classes' own initialisation, which takes minutes at this size.
        with torch.device("meta"):
            module = make()
    finally:
        torch.set_default_dtype(torch.float32)
    module = module.to(torch.bfloat16).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2**20, generator=generator).bfloat16()
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            fill(name, tensor, noise)
    # Buffers that are no weights, such as CLIP's positions, were lost with the rest.
    for buffer in module.buffers():
        if not buffer.is_floating_point():
            buffer.copy_(torch.arange(buffer.numel()).reshape(buffer.shape))
    return module.eval()


def fill(name: str, tensor: Tensor, noise: Tensor) -> None:
    """The golden recipe in cheap: the same numbers again and again, at the recipe's spread."""
    tensor.copy_(noise.repeat(-(-tensor.numel() // len(noise)))[: tensor.numel()].view_as(tensor))
    if tensor.ndim >= 2:
        tensor.mul_((tensor.shape[0] / tensor.numel()) ** 0.5)
    else:
        tensor.mul_(0.1)
        if name.endswith(".weight"):
            tensor.add_(1)


@pytest.fixture(scope="module")
def pipeline() -> ControlNeXtVideoPipeline:
    available = int(Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]) * 1024
    if available < MEMORY:
        pytest.skip(f"needs {MEMORY / 2**30:.0f} GiB of free memory")
    parts = {
        "unet": build(lambda: UNetSpatioTemporalConditionModel(**UNET)),
        "image_encoder": build(lambda: CLIPVisionModelWithProjection(CLIPVisionConfig(**CLIP))),
        "vae": build(lambda: AutoencoderKLTemporalDecoder(**VAE)),
        "controlnext": build(lambda: ControlNeXt.from_variant("svd_v2")),
    }
    pipeline = ControlNeXtVideoPipeline(
        **parts,
        scheduler=EulerDiscreteScheduler(**SVD_EULER),
        feature_extractor=CLIPImageProcessor(),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_sizes_are_those_of_the_public_model(pipeline: ControlNeXtVideoPipeline) -> None:
    for name, expected in PARAMETERS.items():
        part = getattr(pipeline, name)
        assert sum(tensor.numel() for tensor in part.parameters()) == expected
        assert {tensor.dtype for tensor in part.parameters()} == {torch.bfloat16}
    assert pipeline.size_multiple == 64
    assert pipeline.vae_scale_factor == 8


def test_names_are_those_of_the_public_unet(
    pipeline: ControlNeXtVideoPipeline, shared: Path
) -> None:
    folder = shared / "golden" / "state_dict_keys"
    files = json.loads((folder / "manifest.json").read_text())["files"]
    expected = json.loads((folder / files["unet_keys"]).read_text())["svd"]
    state = pipeline.unet.state_dict()
    assert {name: list(tensor.shape) for name, tensor in state.items()} == expected


@pytest.fixture(scope="module")
def run(pipeline: ControlNeXtVideoPipeline) -> Callable[..., Any]:
    def call(steps: int, **settings: Any) -> Any:
        generator = torch.Generator().manual_seed(1)
        control = torch.rand(FRAMES, 3, HEIGHT, WIDTH, generator=generator)
        return pipeline(
            Image.new("RGB", (WIDTH, HEIGHT), (90, 140, 60)),
            control,
            num_inference_steps=steps,
            generator=torch.Generator().manual_seed(2),
            **settings,
        ).frames

    return call


def test_a_short_window_becomes_a_video(run: Callable[..., Any]) -> None:
    frames = run(2, output_type="np", decode_chunk_size=1)
    assert frames.shape == (1, FRAMES, HEIGHT, WIDTH, 3)
    assert frames.std() > 0.01
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert peak < MEMORY


def test_control_reaches_the_full_size_unet(run: Callable[..., Any]) -> None:
    with_control = run(1, output_type="latent")
    without = run(1, output_type="latent", control_scale=0.0)
    assert with_control.isfinite().all()
    assert (with_control - without).abs().max() > 1e-3
