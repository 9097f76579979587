"""The embedded animator's architecture: SVD's own classes at a size that trains on two cores.

One table says how big each part is; ``build_components`` makes fresh parts from it. The sizes keep
the fp16 weights below 30 MB. Differences from Stable Video Diffusion, with their reasons (figure
PSNR on held-out frames after six minutes on one core where figures are given):

- the autoencoder is 4x down with 8 channels (SVD: 8x, 4), as at 128 pixels an 8x grid cannot carry
  a face or a hand, and folds 2x2 places into the channels, so that the denoiser works on an 8x grid
  all the same; its norms have 8 groups, see ``SmallTemporalAutoencoder``;
- two levels instead of four, wide ones: diffusers' UNet always normalises in 32 groups, and with
  two channels a group the colours of a picture get lost;
- the control enters at once, behind conv_in, with gain 1 (``svd_v2``: behind down block 0, 0.2), as
  nothing here is pretrained and the control is all that says where the figure is;
- the encoder is shown the reference's own skeleton beside the frame's (15.3 against 14.9 dB), and
  a draft of the frame: the reference bent limb by limb into the frame's pose (``pose.puppet``);
- the noise ends at 0.3 (SVD: 700), as sampling starts from the drafts: what the network adds is
  small then, and what it need not change stays sharp (six held-out clips: 18.2 dB with noise up
  to 1, 18.6 after 200 further steps with noise up to 0.3);
- the image encoder gives all its tokens, not only the summary.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler, UNetSpatioTemporalConditionModel
from torch import nn
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from temporal.autoencoder import SmallTemporalAutoencoder
from temporal.controlnext import ControlNeXt
from temporal.schedulers import SVD_EULER

LATENT_CHANNELS, PATCH = 8, 2
EMBED_DIM = 128
SIGMA_MIN, SIGMA_MAX = 0.03, 0.3

VAE = {
    "block_out_channels": (32, 32, 64),
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "layers_per_block": 1,
    "latent_channels": LATENT_CHANNELS,
    "sample_size": 128,
    "scaling_factor": 1.0,
    "force_upcast": False,
    "norm_num_groups": 8,
    "patch_size": PATCH,
}
UNET = {
    "in_channels": 2 * LATENT_CHANNELS * PATCH**2,
    "out_channels": LATENT_CHANNELS * PATCH**2,
    "block_out_channels": (128, 160),
    "down_block_types": ("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
    "up_block_types": ("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
    "layers_per_block": 1,
    "num_attention_heads": (4, 5),
    "cross_attention_dim": EMBED_DIM,
    "addition_time_embed_dim": 32,
    "projection_class_embeddings_input_dim": 96,
    "num_frames": 16,
    "sample_size": 16,
}
CONTROLNEXT = {
    "in_channels": 6,
    "draft_channels": LATENT_CHANNELS * PATCH**2,
    "stem_channels": (16, 16, 32),
    "stem_padding": 1,
    "block_channels": (32, 64),
    "out_channels": 128,
    "site": "conv_in",
    "control_look": "soft",
}
IMAGE_ENCODER = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": 224,
    "patch_size": 32,
    "projection_dim": EMBED_DIM,
    "hidden_act": "gelu",
    "all_tokens": True,
}
SCHEDULER = {
    **SVD_EULER,
    "sigma_min": SIGMA_MIN,
    "sigma_max": SIGMA_MAX,
    "timestep_spacing": "trailing",  # with "leading" diffusers begins at sqrt(sigma_max^2 + 1)
}


def build_components() -> dict[str, Any]:
    """Return freshly initialised pipeline components by their diffusers names."""
    return {
        "vae": SmallTemporalAutoencoder(**VAE),
        "unet": UNetSpatioTemporalConditionModel(**UNET),
        "controlnext": ControlNeXt(**CONTROLNEXT),
        "image_encoder": CLIPVisionModelWithProjection(CLIPVisionConfig(**IMAGE_ENCODER)),
        "scheduler": EulerDiscreteScheduler(**SCHEDULER),
        "feature_extractor": CLIPImageProcessor(),
    }


def load_components(folder: Path) -> dict[str, Any]:
    """Return the components of a saved model of this architecture, to be trained on."""
    from animate.pipelines.video import ControlNeXtVideoPipeline

    pipeline = ControlNeXtVideoPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    return dict(pipeline.components)


def parameter_counts(components: dict[str, Any]) -> dict[str, int]:
    """Count the parameters of every component that has some."""
    return {
        name: sum(p.numel() for p in part.parameters())
        for name, part in components.items()
        if isinstance(part, nn.Module)
    }
