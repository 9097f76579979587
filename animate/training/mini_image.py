"""The embedded picture model's architecture: SD1.5's own classes at a size that trains on one core.

One table says how big each part is; ``build_parts`` makes fresh ones. Differences from Stable
Diffusion 1.5, with their reasons:

- the autoencoder is 4x down with 8 channels, that of the embedded animator trained on (see
  ``borrowed``), as at 80 pixels an 8x grid cannot carry a face; it folds 2x2 places into the
  channels, so that the denoiser works on an 8x grid all the same;
- two wide levels, with the animator's weights to begin with; prompts of 40 tokens, of a vocabulary
  of its own;
- the UNet is told the prompt beside the time as well (diffusers' addition_embed_type "text"): with
  attention alone 4,000 steps of training did not bind a colour to trousers;
- v-prediction on a schedule that ends in pure noise, sampled from its end (arXiv 2305.08891):
  otherwise no picture could be as dark, bright or even as its prompt says;
- control joins behind conv_in, the first skip included.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from animate.still_models import DEFAULTS
from animate.training.export import write_pipeline
from animate.training.portraits import SHORT_SIDE
from temporal.autoencoder import FOLD, FoldedAutoencoder
from temporal.controlnext import ControlNeXt

KINDS = ("pose", "canny", "depth", "mask")
BEST_WITH = {
    "steps": 12,
    "guidance": 2.0,
    "guess": 1.0,
}  # by eye and by scripts/bench_image_control.py
CONTROLS = "controls"  # the folder of a model's encoders, one folder a kind
TOKENS = 40  # of a prompt, its two ends included
WORD_WIDTH = 128
LATENT_CHANNELS = 8  # before folding
FOLDED = LATENT_CHANNELS * FOLD**2
DOWN = 4 * FOLD  # pixels to a side of a latent

VAE = {
    "block_out_channels": (32, 32, 64, FOLDED),
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
    "layers_per_block": 1,
    "latent_channels": LATENT_CHANNELS,
    "norm_num_groups": 8,
    "sample_size": SHORT_SIDE,
    "scaling_factor": 1.0,
    "force_upcast": False,
    "use_post_quant_conv": False,
}
UNET = {
    "in_channels": FOLDED,
    "out_channels": FOLDED,
    "block_out_channels": (128, 160),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 1,
    "attention_head_dim": (4, 5),  # diffusers' name for the number of heads
    "use_linear_projection": True,
    "cross_attention_dim": WORD_WIDTH,
    "addition_embed_type": "text",
    "addition_embed_type_num_heads": 4,
    "sample_size": SHORT_SIDE // DOWN,
}
TEXT_ENCODER = {
    "hidden_size": WORD_WIDTH,
    "intermediate_size": 2 * WORD_WIDTH,
    "projection_dim": WORD_WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": TOKENS,
}
SCHEDULER = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "steps_offset": 1,
    "clip_sample": False,
    "set_alpha_to_one": True,
}
CONTROLNEXT = {
    "stem_channels": (16, 16, 32),
    "stem_padding": 1,
    "block_channels": (32, 64),
    "out_channels": UNET["block_out_channels"][0],  # type: ignore[index]
    "site": "conv_in",
    "control_look": "soft",
}


def build_parts(tokenizer: CLIPTokenizer) -> dict[str, Any]:
    """Fresh components by their diffusers names, and "controls": an encoder for each kind."""
    ends = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    words = CLIPTextConfig(vocab_size=len(tokenizer), **ends, **TEXT_ENCODER)
    return {
        "vae": FoldedAutoencoder(**VAE),
        "unet": UNet2DConditionModel(**UNET),
        "text_encoder": CLIPTextModel(words),
        "tokenizer": tokenizer,
        "scheduler": DDIMScheduler(**SCHEDULER),
        "controls": nn.ModuleDict({kind: ControlNeXt(**CONTROLNEXT) for kind in KINDS}),
    }


def pipeline_of(parts: Mapping[str, Any]) -> StableDiffusionPipeline:
    """The parts without the encoders as diffusers' pipeline."""
    own = {name: part for name, part in parts.items() if name != CONTROLS}
    return StableDiffusionPipeline(
        **own, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


def save_parts(parts: Mapping[str, Any], folder: Path) -> None:
    """Write everything in half precision as `animate image --model FOLDER` reads it."""
    write_pipeline(pipeline_of(parts), folder, torch.float16)
    (folder / DEFAULTS).write_text(json.dumps(BEST_WITH) + "\n")
    for kind, encoder in parts[CONTROLS].items():
        encoder.half().eval().save_pretrained(folder / CONTROLS / kind, safe_serialization=True)


def parameter_counts(parts: Mapping[str, Any]) -> dict[str, int]:
    """Count the parameters of every part that has some."""
    return {
        name: sum(p.numel() for p in part.parameters())
        for name, part in parts.items()
        if isinstance(part, nn.Module)
    }


def seeded_parts(tokenizer: CLIPTokenizer, seed: int) -> dict[str, Any]:
    """As ``build_parts``, the same for the same seed."""
    torch.manual_seed(seed)
    return build_parts(tokenizer)
