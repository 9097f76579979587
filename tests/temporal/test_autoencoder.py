from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderKLTemporalDecoder

from temporal.autoencoder import FoldedAutoencoder, SmallTemporalAutoencoder

SIZES = {
    "block_out_channels": (32, 32),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "latent_channels": 4,
}


@pytest.fixture(scope="module")
def small() -> SmallTemporalAutoencoder:
    torch.manual_seed(0)
    return SmallTemporalAutoencoder(**SIZES, norm_num_groups=4).eval()


@torch.no_grad()
def decode(vae: AutoencoderKLTemporalDecoder, latents: torch.Tensor) -> torch.Tensor:
    output: torch.Tensor = vae.decode(latents, num_frames=len(latents)).sample
    return output


def test_with_32_groups_it_is_the_base_class(small: SmallTemporalAutoencoder) -> None:
    base = AutoencoderKLTemporalDecoder(**SIZES).eval()
    base.load_state_dict(small.state_dict())
    same = SmallTemporalAutoencoder(**SIZES, norm_num_groups=32).eval()
    same.load_state_dict(small.state_dict())
    latents = torch.randn(2, 4, 8, 8)
    assert torch.equal(decode(same, latents), decode(base, latents))
    assert not torch.allclose(decode(small, latents), decode(base, latents), atol=1e-2)


def test_the_groups_travel_with_the_checkpoint(
    small: SmallTemporalAutoencoder, tmp_path: Path
) -> None:
    small.save_pretrained(tmp_path)
    loaded = SmallTemporalAutoencoder.from_pretrained(tmp_path)
    latents = torch.randn(2, 4, 8, 8)
    assert loaded.config["norm_num_groups"] == 4
    assert torch.equal(decode(loaded, latents), decode(small, latents))


@torch.no_grad()
def test_folded_latents_hold_the_same_on_a_coarser_grid(small: SmallTemporalAutoencoder) -> None:
    folded = SmallTemporalAutoencoder(**SIZES, norm_num_groups=4, patch_size=2).eval()
    folded.load_state_dict(small.state_dict())
    pictures = torch.rand(3, 3, 16, 24)
    plain, coarse = (vae.encode(pictures).latent_dist for vae in (small, folded))
    assert (small.downscale, folded.downscale) == (2, 4)
    assert coarse.mode().shape == (3, 4 * 4, 4, 6)
    for name in ("mean", "logvar"):
        assert torch.equal(torch.pixel_shuffle(getattr(coarse, name), 2), getattr(plain, name))
    assert torch.equal(decode(folded, coarse.mode()), decode(small, plain.mode()))


@torch.no_grad()
def test_a_picture_folded_holds_the_same_and_is_told_as_one_level_more(tmp_path: Path) -> None:
    kept = {**SIZES, "up_block_types": ("UpDecoderBlock2D",) * 2, "norm_num_groups": 4}
    folded = FoldedAutoencoder(**{**kept, "block_out_channels": (32, 32, 16)}).eval()
    plain = AutoencoderKL(**kept).eval()
    plain.load_state_dict(folded.state_dict())
    folded.save_pretrained(tmp_path)
    folded = FoldedAutoencoder.from_pretrained(tmp_path)
    assert len(folded.config["block_out_channels"]) == 3
    pictures = torch.rand(2, 3, 16, 24)
    fine, coarse = (vae.encode(pictures).latent_dist for vae in (plain, folded))
    assert coarse.mode().shape == (2, 4 * 4, 4, 6)
    assert torch.equal(torch.pixel_shuffle(coarse.mean, 2), fine.mean)
    assert torch.equal(folded.decode(coarse.mode()).sample, plain.decode(fine.mode()).sample)
