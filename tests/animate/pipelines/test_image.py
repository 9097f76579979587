from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import accelerate
import diffusers
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from animate.pipelines.image import Control, _fitted, as_picture, denoiser_of, steered
from temporal.errors import ControlError
from tests.animate.pipelines.stills import FAMILIES, METHODS, SIZE, Still

ALL = [(family, method) for family in FAMILIES for method in METHODS]
every = pytest.mark.parametrize(("family", "method"), ALL)


def hooks(module: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules())


def run(still: Still, *controls: Control, guess: bool = False, **settings: Any) -> Tensor:
    with steered(still.pipeline, controls, guess=guess):
        return still.run(**settings)


def control(still: Still, method: str, picture: Any, **settings: Any) -> Control:
    return Control(part=still.parts[method], picture=picture, **settings)


@every
def test_control_steers_and_leaves_nothing_behind(
    stills: dict[str, Still], still_map: Tensor, family: str, method: str
) -> None:
    still = stills[family]
    plain, weights = still.run(), denoiser_of(still.pipeline).state_dict()
    before = {name: value.clone() for name, value in weights.items()}
    first = run(still, control(still, method, still_map))
    other = run(still, control(still, method, 1 - still_map))
    assert not torch.allclose(first, plain, atol=1e-3)
    assert not torch.allclose(first, other, atol=1e-4)
    assert hooks(denoiser_of(still.pipeline)) == 0
    assert all(torch.equal(value, before[name]) for name, value in weights.items())
    assert torch.equal(still.run(), plain)


@every
@pytest.mark.parametrize("idle", [{"scale": 0.0}, {"start": 0.5, "end": 0.5}, {"end": 0.0}])
def test_an_idle_control_is_the_base_bit_for_bit(
    stills: dict[str, Still], still_map: Tensor, family: str, method: str, idle: dict[str, float]
) -> None:
    still = stills[family]
    assert torch.equal(run(still, control(still, method, still_map, **idle)), still.run())


@pytest.mark.parametrize("family", FAMILIES)
def test_start_and_end_choose_the_steps(
    stills: dict[str, Still], still_map: Tensor, family: str
) -> None:
    still, called = stills[family], []
    part = still.parts["controlnext"]
    handle = part.register_forward_hook(lambda module, args, output: called.append(args[1]))
    steered_by = Control(part=part, picture=still_map, start=0.25, end=0.75)
    run(still, steered_by, num_inference_steps=8)
    handle.remove()
    assert [float(time[0]) for time in called] == [
        float(time) for time in still.pipeline.scheduler.timesteps[2:6]
    ]


@every
def test_two_controls_add_up_in_any_order(
    stills: dict[str, Still], still_map: Tensor, family: str, method: str
) -> None:
    still = stills[family]
    one = control(still, "controlnext", still_map, scale=0.6)
    two = control(still, method, still_map.flip(-1), scale=0.7)
    both = run(still, one, two)
    torch.testing.assert_close(both, run(still, two, one), atol=1e-4, rtol=1e-3)
    assert not torch.allclose(both, run(still, one), atol=1e-3)
    idle = control(still, method, still_map.flip(-1), end=0.0)
    assert torch.equal(run(still, one, idle), run(still, one))


def test_controlnet_of_sd15_is_diffusers_own(stills: dict[str, Still], still_map: Tensor) -> None:
    still = stills["sd15"]
    own = diffusers.StableDiffusionControlNetPipeline(
        **still.pipeline.components, controlnet=still.parts["controlnet"]
    )
    own.set_progress_bar_config(disable=True)
    settings = {"num_inference_steps": 4, "output_type": "latent", "prompt": ["a b", "b"]}
    told = {"controlnet_conditioning_scale": 0.7, "control_guidance_end": 0.6}
    rng = torch.Generator().manual_seed(3)
    expected = own(image=still_map, generator=rng, **told, **settings).images
    got = run(still, control(still, "controlnet", still_map, scale=0.7, end=0.6), **settings)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def test_controlnet_of_sdxl_is_diffusers_own(stills: dict[str, Still], still_map: Tensor) -> None:
    still = stills["sdxl"]
    own = diffusers.StableDiffusionXLControlNetPipeline(
        **still.pipeline.components, controlnet=still.parts["controlnet"], add_watermarker=False
    )
    own.set_progress_bar_config(disable=True)
    settings = {"num_inference_steps": 2, "output_type": "latent", "prompt": "a"}
    expected = own(
        image=still_map,
        generator=torch.Generator().manual_seed(3),
        controlnet_conditioning_scale=1.0,
        guess_mode=False,
        **settings,
    ).images
    got = run(still, control(still, "controlnet", still_map), **settings)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def test_controlnet_of_sd3_is_diffusers_own(stills: dict[str, Still], still_map: Tensor) -> None:
    still = stills["sd3"]
    own = diffusers.StableDiffusion3ControlNetPipeline(
        **still.pipeline.components, controlnet=still.parts["controlnet"]
    )
    own.set_progress_bar_config(disable=True)
    settings = {"num_inference_steps": 2, "output_type": "latent", "prompt": "a"}
    noise = torch.randn(1, 4, SIZE // 8, SIZE // 8, generator=torch.Generator().manual_seed(1))
    settings["latents"] = noise
    quiet = still.pipeline.vae.quant_conv.bias  # what diffusers draws is the posterior's middle
    kept = quiet.detach().clone()
    with torch.no_grad():
        quiet[4:] = -1e9
    expected = own(control_image=still_map * 2 - 1, height=SIZE, width=SIZE, **settings).images
    got = run(still, control(still, "controlnet", still_map), **settings)
    with torch.no_grad():
        quiet.copy_(kept)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


@every
def test_batches_sizes_and_no_prompt(
    stills: dict[str, Still], still_map: Tensor, family: str, method: str
) -> None:
    still = stills[family]
    maps = torch.cat([still_map, 1 - still_map])
    settings: dict[str, Any] = {"height": 48, "width": 80, "num_images_per_prompt": 2}
    noise = torch.randn(4, 4, 6, 10, generator=torch.Generator().manual_seed(1))
    got = run(still, control(still, method, maps), prompt=["", ""], latents=noise, **settings)
    assert got.shape == noise.shape
    # The second map steers the second prompt's pictures, in both halves of guidance.
    single = {**settings, "num_images_per_prompt": 1, "latents": noise[2:3], "prompt": ""}
    alone = run(still, control(still, method, maps[1:]), **single)
    torch.testing.assert_close(got[2:3], alone, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_guess_mode_spares_the_unconditional_half(
    stills: dict[str, Still], still_map: Tensor, family: str
) -> None:
    still = stills[family]
    seen: list[Tensor] = []
    denoiser = denoiser_of(still.pipeline)
    settings = {"num_inference_steps": 1, "guidance_scale": 5.0}
    handle = denoiser.register_forward_hook(lambda module, args, output: seen.append(output[0]))
    still.run(**settings)
    run(still, control(still, "controlnext", still_map), guess=True, **settings)
    handle.remove()
    torch.testing.assert_close(seen[1][0], seen[0][0])
    assert not torch.allclose(seen[1][1], seen[0][1], atol=1e-3)


def test_maps_of_every_form_are_one_map() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)
    tensor = as_picture(pixels)
    assert tensor.shape == (1, 3, 6, 4)
    assert torch.equal(tensor, as_picture(Image.fromarray(pixels)))
    assert torch.equal(tensor, as_picture(tensor[0]))
    assert torch.equal(as_picture(pixels[..., 0]), tensor[:, :1].expand(-1, 3, -1, -1))
    with pytest.raises(ControlError, match=r"\[0, 1\]"):
        as_picture(tensor * 255)


def test_maps_are_encoded_where_an_offloaded_autoencoder_works(
    stills: dict[str, Still], still_map: Tensor
) -> None:
    still = stills["sd3"]
    vae = type(still.pipeline.vae).from_config(still.pipeline.vae.config)
    accelerate.cpu_offload_with_hook(vae, "meta")  # stands for a GPU
    pipeline = SimpleNamespace(
        vae=vae,
        transformer=still.pipeline.transformer,
        vae_scale_factor=8,
        _execution_device=torch.device("meta"),
    )
    latents = _fitted(pipeline, control(still, "controlnet", still_map), (8, 8))
    assert (latents.device.type, latents.shape) == ("meta", (1, 4, 8, 8))


def test_a_controlnet_of_another_family_is_refused(
    stills: dict[str, Still], still_map: Tensor
) -> None:
    wrong = control(stills["sd15"], "controlnet", still_map)
    with (
        pytest.raises(ControlError, match="same family"),
        steered(stills["sd3"].pipeline, wrong),
    ):
        pass
    assert hooks(denoiser_of(stills["sd3"].pipeline)) == 0
