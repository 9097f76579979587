from __future__ import annotations

from typing import Any

import diffusers
import torch
from torch import Tensor

from animate.pipelines.image import Control, steered
from tests.animate.pipelines.stills import SIZE, Still


def test_beside_an_inpainting_unet_a_controlnet_sees_the_latents_alone(
    stills: dict[str, Still], still_map: Tensor
) -> None:
    still = stills["sd15"]
    torch.manual_seed(4)
    wide = {**still.pipeline.unet.config, "in_channels": 9}  # the mask and what it hides
    unet = diffusers.UNet2DConditionModel.from_config(wide).eval()
    parts, net = {**still.pipeline.components, "unet": unet}, still.parts["controlnet"]
    mask = torch.zeros(1, 1, SIZE, SIZE)
    mask[..., : SIZE // 2] = 1

    told: dict[str, Any] = {"prompt": "a b", "num_inference_steps": 2, "output_type": "latent"}
    told |= {"image": 1 - still_map, "mask_image": mask, "height": SIZE, "width": SIZE}

    def run(pipeline: Any, **more: Any) -> Tensor:
        pipeline.set_progress_bar_config(disable=True)
        rng = torch.Generator().manual_seed(3)
        images: Tensor = pipeline(**told, **more, generator=rng).images
        return images

    own = diffusers.StableDiffusionControlNetInpaintPipeline(**parts, controlnet=net)
    expected = run(own, control_image=still_map, controlnet_conditioning_scale=1.0)
    plain = diffusers.StableDiffusionInpaintPipeline(**parts)
    with steered(plain, Control(part=net, picture=still_map)):
        torch.testing.assert_close(run(plain), expected, atol=1e-4, rtol=1e-4)
