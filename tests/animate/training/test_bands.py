from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from animate.training.bands import BANDS, build_vae


@pytest.fixture(scope="module")
def vae() -> AutoencoderKL:
    """As it is stored, in half precision."""
    return build_vae().half().float()


def latents(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    with torch.no_grad():
        mode: Tensor = vae.encode(pictures).latent_dist.mode()
    return mode


def decoded(vae: AutoencoderKL, bands: Tensor) -> Tensor:
    with torch.no_grad():
        sample: Tensor = vae.decode(bands).sample
    return sample


@pytest.mark.parametrize("kind", ["noise", "even", "edge"])
def test_nothing_is_lost(vae: AutoencoderKL, kind: str) -> None:
    pictures = torch.rand(2, 3, 20, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    if kind == "even":
        pictures = pictures.mean(dim=(2, 3), keepdim=True).expand(pictures.shape)
    elif kind == "edge":
        pictures = pictures.sign()
    back = decoded(vae, latents(vae, pictures))
    assert (back - pictures).abs().max() < 1 / 255  # less than a level of 8 bits


def test_the_rest_of_a_picture_does_not_matter(vae: AutoencoderKL) -> None:
    bands = torch.randn(1, len(BANDS), 24, 24, generator=torch.Generator().manual_seed(1))
    whole = decoded(vae, bands)[..., 4:12, 4:12]
    apart = decoded(vae, bands[..., :16, :16])[..., 4:12, 4:12]
    torch.testing.assert_close(apart, whole, atol=2e-3, rtol=0)


def test_an_even_picture_has_nothing_in_the_high_band(vae: AutoencoderKL) -> None:
    bands = latents(vae, torch.full((1, 3, 16, 16), 0.5))[0, :, 2:-2, 2:-2]
    expected = torch.tensor([0.5 * BANDS["low"], 0, 0, 0])[:, None, None].expand(bands.shape)
    torch.testing.assert_close(bands, expected, atol=0.01, rtol=0)


def test_fine_detail_is_in_the_high_band(vae: AutoencoderKL) -> None:
    stripes = torch.tensor([-0.1, 0.1, 0.1]).repeat(6).expand(1, 3, 18, 18)
    high = latents(vae, stripes)[:, 1:2]
    others = torch.zeros(1, len(BANDS), 18, 18)
    others[:, 1:2] = high
    back = decoded(vae, others)[..., 4:-4, 4:-4]
    expected = (stripes - stripes.mean())[..., 4:-4, 4:-4]
    torch.testing.assert_close(back, expected, atol=2e-3, rtol=0)


def test_noise_in_the_low_band_is_smoothed_away(vae: AutoencoderKL) -> None:
    noise = torch.zeros(1, len(BANDS), 32, 32)
    noise[:, 0] = torch.randn(32, 32, generator=torch.Generator().manual_seed(2))
    assert decoded(vae, noise).std() * BANDS["low"] < 0.3


def test_the_posterior_is_sure(vae: AutoencoderKL) -> None:
    with torch.no_grad():
        assert float(vae.encode(torch.zeros(1, 3, 8, 8)).latent_dist.std.max()) < 0.01


def test_it_is_always_the_same(vae: AutoencoderKL) -> None:
    again = build_vae().half().float().state_dict()
    assert all(torch.equal(value, again[name]) for name, value in vae.state_dict().items())
