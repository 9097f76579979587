"""SD1.5, SDXL and SD3-medium at their full sizes, with random weights, one after the other."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor, nn

from animate.pipelines.image import Control, denoiser_of, steered
from temporal.controlnext import ControlNeXt
from temporal.trainable import select_trainable
from tests.test_full_size import build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SIZE = 128  # pixels
MEMORY = 8 * 2**30
# What the config of stable-diffusion-3-medium says where diffusers' defaults differ.
SD3: dict[str, Any] = {
    "num_layers": 24,
    "num_attention_heads": 24,
    "caption_projection_dim": 1536,
    "pos_embed_max_size": 192,
}
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}
ENCODER = 3_526_400
# The trained part of the base and the rule that selects it, and ControlNet's size.
TRAINED = {
    "sd15": ("to_out", 28_332_160, 361_279_120),
    "sdxl": ("attn2.to_out", 106_009_600, 1_251_014_160),
}


def count(parts: Any) -> int:
    return sum(tensor.numel() for tensor in parts)


@pytest.fixture(scope="module")
def configs(shared: Path) -> dict[str, Any]:
    """The UNets' configs as the golden fixtures give them."""
    manifest = shared / "golden" / "state_dict_keys" / "manifest.json"
    found: dict[str, Any] = json.loads(manifest.read_text())["configs"]
    return found


@pytest.mark.parametrize("family", TRAINED)
def test_parameters_are_as_published(family: str, configs: dict[str, Any]) -> None:
    rule, ours, theirs = TRAINED[family]
    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel(**configs[family])
        beside = diffusers.ControlNetModel.from_unet(unet, load_weights_from_unet=False)
        encoder = ControlNeXt.from_variant({"sd15": "sd15_training"}.get(family, family))
    named = dict(unet.named_parameters())
    tuned = count(named[name] for name in select_trainable(named, rule))
    control, other = count(encoder.parameters()), count(beside.parameters())
    print(
        f"\n{family}: control module {control / 1e6:.2f}M, with the trained part of the UNet "
        f"{(control + tuned) / 1e6:.1f}M, ControlNet {other / 1e6:.1f}M"
    )
    assert (control, control + tuned, other) == (ENCODER, ours, theirs)


@pytest.fixture(params=["sd15", "sdxl", "sd3"])
def pipeline(request: Any, configs: dict[str, Any]) -> Iterator[Any]:
    """A pipeline without text encoders: the prompt is given as embeddings."""
    available = int(Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]) * 1024
    if available < MEMORY:
        pytest.skip(f"needs {MEMORY / 2**30:.0f} GiB of free memory")
    family = request.param
    made = _make(family, configs)
    made.set_progress_bar_config(disable=True)
    yield made
    del made
    gc.collect()


def _make(family: str, configs: dict[str, Any]) -> Any:
    text = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2")
    if family == "sd3":
        absent = dict.fromkeys((*text, "text_encoder_3", "tokenizer_3"))
        vae = {**VAE, "latent_channels": 16, "shift_factor": 0.0609, "scaling_factor": 1.5305}
        return diffusers.StableDiffusion3Pipeline(
            transformer=_sd3_transformer(),
            vae=build(lambda: diffusers.AutoencoderKL(**vae)),
            scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
            **absent,
        )
    parts = {
        "unet": build(lambda: diffusers.UNet2DConditionModel(**configs[family])),
        "vae": build(lambda: diffusers.AutoencoderKL(**VAE)),
        "scheduler": diffusers.DDIMScheduler(),
    }
    if family == "sdxl":
        return diffusers.StableDiffusionXLPipeline(
            **parts, **dict.fromkeys(text), add_watermarker=False
        )
    return diffusers.StableDiffusionPipeline(
        **parts,
        **dict.fromkeys((*text[:2], "safety_checker", "feature_extractor")),
        requires_safety_checker=False,
    )


def _sd3_transformer() -> nn.Module:
    transformer: Any = build(lambda: diffusers.SD3Transformer2DModel(**SD3))
    # The table of positions is computed, not learned, and was lost with the rest.
    small = diffusers.models.embeddings.PatchEmbed(
        height=128,
        width=128,
        patch_size=2,
        in_channels=16,
        embed_dim=1536,
        pos_embed_max_size=192,
    )
    transformer.pos_embed.pos_embed.copy_(small.pos_embed)
    return transformer


@pytest.fixture
def step(pipeline: Any) -> Callable[..., Tensor]:
    """One step from the same noise and prompt, as latents."""

    def embeddings(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).bfloat16()

    prompt = {
        "StableDiffusionPipeline": {"prompt_embeds": embeddings(1, 77, 768)},
        "StableDiffusionXLPipeline": {
            "prompt_embeds": embeddings(1, 77, 2048),
            "pooled_prompt_embeds": embeddings(1, 1280),
        },
        "StableDiffusion3Pipeline": {
            "prompt_embeds": embeddings(1, 154, 4096),
            "pooled_prompt_embeds": embeddings(1, 2048),
        },
    }[type(pipeline).__name__]

    def call(*controls: Control) -> Tensor:
        with steered(pipeline, controls):
            images: Tensor = pipeline(
                **prompt,
                height=SIZE,
                width=SIZE,
                num_inference_steps=1,
                guidance_scale=1.0,
                generator=torch.Generator().manual_seed(2),
                output_type="latent",
            ).images
        return images.float()

    return call


def test_one_controlled_step(pipeline: Any, step: Callable[..., Tensor]) -> None:
    three = hasattr(denoiser_of(pipeline), "transformer_blocks")
    wide = pipeline.__class__.__name__ == "StableDiffusionXLPipeline"
    variant = "sd3" if three else "sdxl" if wide else "sd15_training"
    part = build(lambda: ControlNeXt.from_variant(variant))
    picture = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))
    plain = step()
    controlled = step(Control(part=part, picture=picture))
    assert controlled.isfinite().all()
    moved = float((controlled - plain).abs().mean() / plain.std())
    print(
        f"\n{variant}: denoiser {count(denoiser_of(pipeline).parameters()) / 1e6:.0f}M, control "
        f"{count(part.parameters()) / 1e6:.2f}M, moved by {moved:.3f} of the latents' spread"
    )
    assert moved > 1e-3
    assert torch.equal(step(Control(part=part, picture=picture, scale=0.0)), plain)
