from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLTemporalDecoder

from temporal.decode import decode_chunks, decode_frames, safe_precision, to_uint8
from temporal.drafts import encode_pictures
from temporal.errors import DivergenceError


@pytest.fixture(scope="module")
def vae() -> AutoencoderKLTemporalDecoder:
    torch.manual_seed(0)
    return AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        layers_per_block=1,
        latent_channels=4,
        sample_size=16,
    ).eval()


def test_chunks_come_in_order_and_in_range(vae: AutoencoderKLTemporalDecoder) -> None:
    latents = torch.randn(5, 4, 6, 4)
    chunks = list(decode_chunks(vae, latents, 2))
    assert [len(chunk) for chunk in chunks] == [2, 2, 1]
    assert chunks[0].shape == (2, 3, 12, 8)
    for chunk in chunks:
        assert 0 <= chunk.min() <= chunk.max() <= 1
    torch.testing.assert_close(chunks[1], next(decode_chunks(vae, latents[2:4], 2)))


def test_frames_come_one_at_a_time(vae: AutoencoderKLTemporalDecoder) -> None:
    frames = decode_frames(vae, torch.randn(3, 4, 6, 4), 2)
    first = next(frames)
    assert (first.shape, first.dtype) == ((12, 8, 3), np.uint8)
    assert len(list(frames)) == 2


def test_values_are_rounded_to_8_bits() -> None:
    frames = torch.tensor([0.0, 0.5, 0.9999, 1.0]).expand(1, 3, 1, 4)
    assert to_uint8(frames)[0, 0, :, 0].tolist() == [0, 128, 255, 255]


def test_half_precision_vae_works_in_float32_and_goes_back() -> None:
    vae = AutoencoderKLTemporalDecoder(block_out_channels=(32,), force_upcast=True).half()
    with safe_precision(vae):
        assert vae.dtype == torch.float32
    assert vae.dtype == torch.float16


def test_half_precision_vae_goes_back_after_an_error() -> None:
    vae = AutoencoderKLTemporalDecoder(block_out_channels=(32,), force_upcast=True).half()
    with pytest.raises(RuntimeError), safe_precision(vae):
        raise RuntimeError
    assert vae.dtype == torch.float16


def test_bfloat16_vae_is_left_alone() -> None:
    vae = AutoencoderKLTemporalDecoder(block_out_channels=(32,), force_upcast=True).bfloat16()
    with safe_precision(vae):
        assert vae.dtype == torch.bfloat16


def test_an_overflowing_half_precision_vae_is_named_instead_of_a_black_video() -> None:
    vae = AutoencoderKLTemporalDecoder(block_out_channels=(32,), force_upcast=False).half()
    with torch.no_grad():
        vae.decoder.conv_in.weight.fill_(6e4)  # the largest float16 is 65504
    frames = decode_frames(vae, torch.randn(3, 4, 4, 4))
    with pytest.raises(DivergenceError, match=r"frames \[0, 1, 2\].*half precision \(fp16\)"):
        next(frames)


def test_broken_frames_and_their_cause_are_named(vae: AutoencoderKLTemporalDecoder) -> None:
    latents = torch.randn(5, 4, 6, 4)
    latents[3] = torch.nan
    chunks = decode_chunks(vae, latents, 2)
    assert torch.isfinite(next(chunks)).all()
    with pytest.raises(DivergenceError, match=r"frames \[2, 3\].*denoising diverged"):
        next(chunks)


def test_latents_of_drafts_decode_to_the_drafts(vae: AutoencoderKLTemporalDecoder) -> None:
    drafts = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        latents = encode_pictures(vae, drafts) * vae.config.scaling_factor
    plain = torch.cat(list(decode_chunks(vae, latents, 2)))
    sharp = torch.cat(list(decode_chunks(vae, latents, 2, drafts=lambda a, b: drafts[a:b])))
    assert not torch.allclose(plain, drafts, atol=0.05)
    assert torch.allclose(sharp, drafts, atol=1e-4)
