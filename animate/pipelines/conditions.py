"""What the video model is told of the reference picture, the rate and the motion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from animate.pipelines.denoiser import Conditions
from temporal.decode import safe_precision

Pictures = Image.Image | list[Image.Image]
Generators = torch.Generator | list[torch.Generator] | None

# fps - 1, motion bucket and noise that the reference tells the UNet whatever the caller asks for.
OFFICIAL_TIME_IDS = (6, 128, 0.02)


def encode_conditions(
    pipeline: Any,
    image: Pictures,
    *,
    size: tuple[int, int],
    noise_strength: float,
    time_ids: Sequence[float],
    guidance: tuple[float, float],
    generator: Generators,
) -> Conditions:
    """Encode with the parts of a StableVideoDiffusionPipeline.

    size: (height, width); noise_strength: of the noise on the picture, which is in [-1, 1];
    time_ids: fps - 1, motion bucket, noise strength; guidance: at the ramp's start and end.
    """
    pipeline._guidance_scale = max(guidance)
    guided, device = pipeline.do_classifier_free_guidance, pipeline._execution_device
    embeddings = pipeline._encode_image(image, device, 1, guided)
    pixels = pipeline.video_processor.preprocess(image, height=size[0], width=size[1]).to(device)
    # The reference's order of random draws: first this noise, then the latents.
    noise = randn_tensor(pixels.shape, generator=generator, device=device, dtype=pixels.dtype)
    with safe_precision(pipeline.vae):
        noisy = pixels + noise_strength * noise
        image_latents = pipeline._encode_vae_image(noisy, device, 1, guided)
    told = pipeline._get_add_time_ids(*time_ids, embeddings.dtype, len(pixels), 1, guided)
    return Conditions(
        embeddings=embeddings,
        image_latents=image_latents.to(embeddings.dtype),
        time_ids=told.to(device),
        guidance=guidance,
        guided=guided,
    )


def initial_latents(
    pipeline: Any,
    conditions: Conditions,
    frames: int,
    generator: Generators,
    latents: Tensor | None,
) -> Tensor:
    """Noise (B, F, C, h, w) at the scheduler's strength, from `latents` of unit noise if given.

    The clip's latents are small and wait in main memory, in full precision.
    """
    images = conditions.image_latents
    prepared: Tensor = pipeline.prepare_latents(
        len(images) // (2 if conditions.guided else 1),
        frames,
        pipeline.unet.config["in_channels"],
        images.shape[-2] * pipeline.vae_scale_factor,
        images.shape[-1] * pipeline.vae_scale_factor,
        images.dtype,
        images.device,
        generator,
        latents,
    )
    return prepared.to("cpu", torch.float32)
