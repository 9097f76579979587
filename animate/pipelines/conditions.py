"""What the video model is told of the reference picture, the rate and the motion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor, nn

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
    embeddings = encode_image(pipeline, image, guided=guided)
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


def encode_image(pipeline: Any, image: Pictures, *, guided: bool) -> Tensor:
    """Embeddings (B, T, D) of the reference for cross-attention; zeros before them if guided.

    SVD's is one token, CLIP's summary of the picture. An encoder whose config says `all_tokens`
    gives one for each patch too, so that a place can look for its part of the picture.
    """
    device = pipeline._execution_device
    if not shows_all_tokens(pipeline.image_encoder):
        told: Tensor = pipeline._encode_image(image, device, 1, guided)
        return told
    seen: list[Tensor] = []

    def keep(module: nn.Module, args: Any, output: Any) -> None:
        seen.append(project_tokens(module, output.last_hidden_state))

    hook = pipeline.image_encoder.register_forward_hook(keep)
    try:
        pipeline._encode_image(image, device, 1, False)
    finally:
        hook.remove()
    (tokens,) = seen
    return torch.cat([torch.zeros_like(tokens), tokens]) if guided else tokens


def shows_all_tokens(encoder: Any) -> bool:
    """Whether a CLIPVisionModelWithProjection is to give its patches' tokens too."""
    return bool(getattr(encoder.config, "all_tokens", False))


def project_tokens(encoder: Any, hidden: Tensor) -> Tensor:
    """Tokens (B, T, D) of a CLIP vision model's last hidden state, as it makes its summary."""
    normal = encoder.vision_model.post_layernorm(hidden)
    tokens: Tensor = encoder.visual_projection(normal)
    return tokens


def initial_latents(
    pipeline: Any,
    conditions: Conditions,
    frames: int,
    generator: Generators,
    latents: Tensor | None,
    drafts: Tensor | None = None,
) -> Tensor:
    """Noise (B, F, C, h, w) at the scheduler's strength, from `latents` of unit noise if given.

    drafts: latents (F, C, h, w), unscaled, that the noise is added to.
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
    noise = prepared.to("cpu", torch.float32)
    if drafts is None:
        return noise
    scaled: Tensor = drafts.float() * pipeline.vae.config.scaling_factor
    return noise + scaled
