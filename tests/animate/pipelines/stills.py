"""Tiny still pipelines of all families, and control parts for them, all with random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import Tensor

from animate.pipelines.image import denoiser_of
from animate.still_models import StillModel
from temporal.controlnext import ControlNeXt
from tests.animate.training.tiny_stills import WIDE, save_still

FAMILIES = ("sd15", "sdxl", "sd3")
METHODS = ("controlnext", "controlnet")
SIZE = 64  # pixels
KINDS: dict[str, Any] = {
    "sd15": diffusers.StableDiffusionPipeline,
    "sdxl": diffusers.StableDiffusionXLPipeline,
    "sd3": diffusers.StableDiffusion3Pipeline,
}


@dataclass(frozen=True)
class Still:
    """A pipeline and one control part of each method."""

    family: str
    folder: Path
    pipeline: Any
    parts: dict[str, Any]

    def run(self, **settings: Any) -> Tensor:
        """Two steps from one seed, as latents unless asked otherwise."""
        quick = {"num_inference_steps": 2, "height": SIZE, "width": SIZE, "output_type": "latent"}
        settings = {"prompt": "a b", **quick, **settings}
        settings.setdefault("generator", torch.Generator().manual_seed(3))
        images: Tensor = self.pipeline(**settings).images
        return images


def model_of(still: Still) -> StillModel:
    """What is loaded of it, as the commands know it."""
    return StillModel(
        pipeline=still.pipeline,
        family=still.family,
        name="tiny",
        folder=still.folder,
        device="cpu",
        dtype="float32",
    )


def make_still(family: str, folder: Path) -> Still:
    """Write the pipeline into a folder and load it as users do."""
    save_still(family, folder)
    absent = {"text_encoder_3": None, "tokenizer_3": None} if family == "sd3" else {}
    pipeline = KINDS[family].from_pretrained(folder, **absent)
    pipeline.set_progress_bar_config(disable=True)
    denoiser = denoiser_of(pipeline)
    torch.manual_seed(1)
    return Still(
        family=family,
        folder=folder,
        pipeline=pipeline,
        parts={"controlnext": tiny_encoder(family), "controlnet": loud_controlnet(denoiser)},
    )


def tiny_encoder(family: str) -> ControlNeXt:
    """A control encoder for a family's tiny denoiser."""
    site = {"sd15": "sd15_training", "sdxl": "sdxl", "sd3": "transformer_blocks.1:before"}
    return ControlNeXt(
        stem_channels=(8, 8, 16),
        stem_padding=1,
        block_channels=(16, 16),
        out_channels=WIDE,
        site=site[family],
    ).eval()


def loud_controlnet(denoiser: Any) -> Any:
    """diffusers' ControlNet for a denoiser, with zero convolutions that are no longer zero."""
    if isinstance(denoiser, diffusers.SD3Transformer2DModel):
        part: Any = diffusers.SD3ControlNetModel.from_transformer(
            denoiser, num_layers=1, num_extra_conditioning_channels=0
        )
        zeros = [part.pos_embed_input, part.controlnet_blocks]
    else:
        part = diffusers.ControlNetModel.from_unet(
            denoiser, conditioning_embedding_out_channels=(8, 8, 8, 8)
        )
        zeros = [part.controlnet_cond_embedding.conv_out]
        zeros += [part.controlnet_down_blocks, part.controlnet_mid_block]
    for module in zeros:
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return part.eval()
