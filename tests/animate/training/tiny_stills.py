"""Still models with random weights, as small as the classes allow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

WIDE = 32  # of everything


def save_still(family: str, folder: Path) -> Path:
    """Write a pipeline of a family (sd15, sdxl, sd3) into a folder, always with equal weights."""
    torch.manual_seed(0)
    words = folder / "words"
    words.mkdir(parents=True)
    tokenizer = _tokenizer(words)
    if family == "sd15":
        pipeline: Any = diffusers.StableDiffusionPipeline(
            vae=_vae(),
            text_encoder=_text(transformers.CLIPTextModel),
            tokenizer=tokenizer,
            unet=_unet(cross_attention_dim=WIDE),
            scheduler=diffusers.DDIMScheduler(),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    elif family == "sdxl":
        pipeline = diffusers.StableDiffusionXLPipeline(
            vae=_vae(),
            text_encoder=_text(transformers.CLIPTextModel),
            text_encoder_2=_text(transformers.CLIPTextModelWithProjection),
            tokenizer=tokenizer,
            tokenizer_2=tokenizer,
            unet=_unet(
                cross_attention_dim=2 * WIDE,
                addition_embed_type="text_time",
                addition_time_embed_dim=8,
                projection_class_embeddings_input_dim=6 * 8 + WIDE,
            ),
            scheduler=diffusers.DDIMScheduler(prediction_type="v_prediction"),
        )
    else:
        pipeline = diffusers.StableDiffusion3Pipeline(
            vae=_vae(shift_factor=0.1),
            text_encoder=_text(transformers.CLIPTextModelWithProjection),
            text_encoder_2=_text(transformers.CLIPTextModelWithProjection),
            text_encoder_3=None,
            tokenizer=tokenizer,
            tokenizer_2=tokenizer,
            tokenizer_3=None,
            transformer=diffusers.SD3Transformer2DModel(
                sample_size=16,
                patch_size=1,
                in_channels=4,
                num_layers=2,
                attention_head_dim=8,
                num_attention_heads=4,
                joint_attention_dim=2 * WIDE,
                caption_projection_dim=WIDE,
                pooled_projection_dim=2 * WIDE,
                out_channels=4,
            ),
            scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _vae(**settings: Any) -> Any:
    levels = 4
    return diffusers.AutoencoderKL(
        block_out_channels=(8,) * levels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        latent_channels=4,
        norm_num_groups=4,
        **settings,
    )


def _unet(**settings: Any) -> Any:
    return diffusers.UNet2DConditionModel(
        block_out_channels=(WIDE, WIDE),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=2,
        sample_size=16,
        norm_num_groups=8,
        **settings,
    )


def _text(kind: Any) -> Any:
    config = transformers.CLIPTextConfig(
        vocab_size=8,
        hidden_size=WIDE,
        intermediate_size=WIDE,
        num_hidden_layers=1,
        num_attention_heads=2,
        projection_dim=WIDE,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return kind(config)


def _tokenizer(folder: Path) -> Any:
    words = ["<|startoftext|>", "<|endoftext|>", "a</w>", "b</w>", "a", "b"]
    (folder / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return transformers.CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77
    )
