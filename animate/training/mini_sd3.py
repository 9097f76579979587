"""The embedded enlarger's architecture: SD3's own classes at a size that trains on one core.

One table says how big each part is. Differences from SD3-medium, with their reasons:

- the autoencoder keeps the picture's size and is written down, not trained (``bands``): what an
  autoencoder loses no transformer gives back, and enlarging must gain on bicubic interpolation;
- a token is 4x4 latents (SD3: 2x2), one pixel of a picture that is enlarged four times;
- ControlNeXt joins before the first block, at the tokens' own resolution: nothing here is
  pretrained, and the control says almost everything;
- two tiny text encoders, untrained, as the pipeline cannot do without; prompts mean nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from torch import Tensor

from animate.enlarge import KIND
from animate.still_models import DEFAULTS
from animate.still_parts import OWN
from animate.training.bands import BANDS, build_vae
from animate.training.enlarging import WORDS
from animate.training.export import write_pipeline
from animate.training.vocabulary import write_tokenizer
from temporal.checkpoints import save_controlnext
from temporal.controlnext import ControlNeXt

WIDTH = 128  # of a token
TEXT_WIDTH = 32  # of each text encoder
PROMPT_TOKENS = 8
TOKEN = 4  # latents along a token's side
SHALLOW = 4  # layers at first: the others join when these have learned
SIDE = 96  # pixels of the largest crops in training, and of a tile

TRANSFORMER = {
    "sample_size": SIDE,
    "patch_size": TOKEN,
    "in_channels": len(BANDS),
    "out_channels": len(BANDS),
    "num_layers": 8,
    "num_attention_heads": 4,
    "attention_head_dim": WIDTH // 4,
    "caption_projection_dim": WIDTH,
    "joint_attention_dim": 2 * TEXT_WIDTH,
    "pooled_projection_dim": 2 * TEXT_WIDTH,
    "pos_embed_max_size": 2 * SIDE // TOKEN,  # tiles of up to twice the size are possible
    "qk_norm": "rms_norm",
}
CONTROLNEXT = {
    "stem_channels": (32, 32, 64),
    "stem_padding": 1,
    "block_channels": (128,),
    "block_groups": (8,),
    "out_channels": WIDTH,
    "site": "transformer_blocks.0:before",
}
TEXT = {
    "hidden_size": TEXT_WIDTH,
    "intermediate_size": 2 * TEXT_WIDTH,
    "num_hidden_layers": 2,  # SD3 reads the last but one
    "num_attention_heads": 2,
    "projection_dim": TEXT_WIDTH,
    "max_position_embeddings": PROMPT_TOKENS,
    "hidden_act": "gelu",
}
SCHEDULER = {"shift": 3.0}
BEST = {
    "steps": 1,
    "guidance": 1.0,
    "detail": 1.45,
    "from_smooth": 1.0,
}  # see scripts/bench_upscale.py


def build_pipeline(folder: Path) -> Any:
    """SD3's pipeline with fresh weights; the tokenizer's words are written into ``folder``."""
    tokenizer = write_tokenizer(" ".join(WORDS).split(), folder, length=PROMPT_TOKENS)
    return StableDiffusion3Pipeline(
        vae=build_vae(),
        transformer=build_transformer(),
        scheduler=FlowMatchEulerDiscreteScheduler(**SCHEDULER),
        text_encoder=_text_encoder(tokenizer),
        tokenizer=tokenizer,
        text_encoder_2=_text_encoder(tokenizer),
        tokenizer_2=tokenizer,
        text_encoder_3=None,
        tokenizer_3=None,
    )


def build_transformer(**settings: Any) -> Any:
    """The fresh transformer, which begins by adding nothing to the smooth picture."""
    transformer = SD3Transformer2DModel(**{**TRANSFORMER, **settings})
    torch.nn.init.zeros_(transformer.proj_out.weight)
    torch.nn.init.zeros_(transformer.proj_out.bias)
    return transformer


@torch.no_grad()
def grow(deep: Any, shallow: Any) -> None:
    """Write a shallow transformer into a deeper one, which then does the same, in place.

    The last block is the last again, as it alone drops the prompt's tokens; new blocks before it
    begin as the identity: all that adaptive normalisation tells them is zero, their gates too.
    """
    old, new = len(shallow.transformer_blocks), len(deep.transformer_blocks)
    deep.load_state_dict(_renamed(shallow.state_dict(), old, new), strict=False)
    for block in deep.transformer_blocks[old - 1 : new - 1]:
        for norm in (block.norm1, block.norm1_context):
            torch.nn.init.zeros_(norm.linear.weight)
            torch.nn.init.zeros_(norm.linear.bias)


def _renamed(weights: Mapping[str, Tensor], old: int, new: int) -> dict[str, Tensor]:
    last, place = f"transformer_blocks.{old - 1}.", f"transformer_blocks.{new - 1}."
    return {name.replace(last, place): value for name, value in weights.items()}


def build_encoder() -> ControlNeXt:
    """The fresh control part, which reads the picture as it is when enlarged smoothly."""
    encoder: ControlNeXt = ControlNeXt(**CONTROLNEXT)
    return encoder


def save_model(pipeline: Any, encoder: ControlNeXt, folder: Path) -> None:
    """Write both in half precision as `animate upscale --model FOLDER` reads them."""
    write_pipeline(pipeline, folder, torch.float16)
    own = folder / OWN["controlnext"] / KIND
    own.mkdir(parents=True, exist_ok=True)
    save_controlnext(encoder.half(), own / "controlnext.safetensors")
    (folder / DEFAULTS).write_text(json.dumps(BEST) + "\n")


def _text_encoder(tokenizer: Any) -> Any:
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer), pad_token_id=tokenizer.eos_token_id, **ends, **TEXT
    )
    return transformers.CLIPTextModelWithProjection(config)
