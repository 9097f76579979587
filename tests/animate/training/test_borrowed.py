from __future__ import annotations

from typing import Any

import pytest
import torch

from animate.training import mini
from animate.training.borrowed import TYPICAL_IDS, borrow, borrowed_autoencoder
from animate.training.mini_image import CONTROLNEXT, CONTROLS, KINDS
from animate.training.objectives import model_time
from animate.training.spatial import zero_temporal
from temporal.autoencoder import SmallTemporalAutoencoder
from temporal.controlnext import ControlNeXt

TIME = 600


@pytest.fixture(scope="module")
def animator() -> dict[str, Any]:
    """The animator as it is after training on single frames, with random weights."""
    torch.manual_seed(1)
    components = mini.build_components()
    components["controlnext"] = ControlNeXt(**{**CONTROLNEXT, "in_channels": 6})
    zero_temporal(components["unet"])
    for module in components["unet"].modules():
        if hasattr(module, "attn2") and module.attn2 is not None:
            torch.nn.init.zeros_(module.attn2.to_out[0].weight)
            torch.nn.init.zeros_(module.attn2.to_out[0].bias)
    return components


@pytest.fixture
def parts(image_parts: dict[str, Any], animator: dict[str, Any]) -> dict[str, Any]:
    """The picture model with the animator's weights, as yet deaf to prompts."""
    table = image_parts["scheduler"].alphas_cumprod
    borrow(image_parts["unet"], image_parts[CONTROLS], animator, table)
    torch.nn.init.zeros_(image_parts["unet"].add_embedding.norm2.weight)
    return image_parts


def animators_time(parts: dict[str, Any]) -> torch.Tensor:
    alpha = parts["scheduler"].alphas_cumprod[TIME]
    return model_time(((1 - alpha) / alpha).sqrt())


@torch.no_grad()
def test_it_sees_a_picture_as_the_animator_sees_a_frame(
    parts: dict[str, Any], animator: dict[str, Any]
) -> None:
    noisy = torch.randn(1, parts["unet"].config.in_channels, 8, 6)
    words = torch.randn(1, 40, parts["unet"].config.cross_attention_dim)
    ours = parts["unet"](noisy, TIME, words).sample
    beside = torch.cat([noisy, torch.zeros_like(noisy)], dim=1)[:, None]
    theirs = animator["unet"](
        beside, animators_time(parts), words[:, :1], torch.tensor([TYPICAL_IDS])
    ).sample[:, 0]
    assert (ours - theirs).std() < 0.02 * theirs.std()


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_it_reads_maps_as_the_animator_reads_skeletons(
    parts: dict[str, Any], animator: dict[str, Any], kind: str
) -> None:
    shown = torch.rand(1, 3, 32, 24)
    theirs = animator["controlnext"]
    beside = [shown, torch.zeros(1, theirs.config.in_channels - 3, 32, 24)]
    wanted = theirs(torch.cat(beside, dim=1), animators_time(parts))
    assert torch.allclose(parts[CONTROLS][kind](shown, TIME), wanted, atol=0.02)


def test_an_animator_of_other_widths_is_left_aside(
    image_parts: dict[str, Any], animator: dict[str, Any]
) -> None:
    other = ControlNeXt(**{**CONTROLNEXT, "block_channels": (16, 64)})
    before = {name: value.clone() for name, value in image_parts[CONTROLS].state_dict().items()}
    table = image_parts["scheduler"].alphas_cumprod
    taken = borrow(
        image_parts["unet"], image_parts[CONTROLS], {**animator, "controlnext": other}, table
    )
    assert taken == ["unet"]
    assert all(
        torch.equal(value, before[name])
        for name, value in image_parts[CONTROLS].state_dict().items()
    )


def test_the_borrowed_autoencoder_does_what_the_films_does() -> None:
    torch.manual_seed(0)
    films = SmallTemporalAutoencoder(**mini.VAE)
    zero_temporal(films)
    pictures = borrowed_autoencoder(films).eval()
    latents = torch.randn(2, mini.LATENT_CHANNELS * mini.PATCH**2, 3, 2)
    frames = torch.randn(2, 3, 24, 16)
    assert torch.allclose(
        pictures.decode(latents).sample, films.decode(latents, num_frames=1).sample, atol=1e-5
    )
    ours, theirs = (one.encode(frames).latent_dist.mode() for one in (pictures, films))
    assert torch.allclose(ours, theirs, atol=1e-5)
