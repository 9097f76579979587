import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel

from animate.training.mini import UNET, VAE
from animate.training.spatial import spatial_only, tune_for_cpu, zero_temporal
from temporal.autoencoder import SmallTemporalAutoencoder


@pytest.fixture(scope="module")
def unet() -> UNetSpatioTemporalConditionModel:
    torch.manual_seed(0)
    small = {"block_out_channels": (32, 64), "num_attention_heads": (1, 2)}
    return UNetSpatioTemporalConditionModel(**{**UNET, **small}).eval()


@torch.no_grad()
def run(unet: UNetSpatioTemporalConditionModel) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(1, 3, UNET["in_channels"], 8, 8, generator=generator)
    image = torch.randn(1, 1, UNET["cross_attention_dim"], generator=generator)
    output: torch.Tensor = unet(latents, 0.3, image, added_time_ids=torch.ones(1, 3)).sample
    return output


def test_temporal_layers_act_until_they_are_zeroed(unet: UNetSpatioTemporalConditionModel) -> None:
    whole = run(unet)
    with spatial_only(unet):
        alone = run(unet)
    assert (whole - alone).abs().max() > 1e-2
    zero_temporal(unet)
    torch.testing.assert_close(run(unet), alone, atol=1e-5, rtol=1e-5)


def test_methods_come_back_after_an_error(unet: UNetSpatioTemporalConditionModel) -> None:
    before = run(unet)
    with pytest.raises(RuntimeError, match="stop"), spatial_only(unet):
        raise RuntimeError("stop")
    assert not any("forward" in vars(module) for module in unet.modules())
    assert torch.equal(run(unet), before)


def test_tuning_for_the_cpu_keeps_the_function(unet: UNetSpatioTemporalConditionModel) -> None:
    before = run(unet)
    tune_for_cpu(unet)
    torch.testing.assert_close(run(unet), before, atol=1e-4, rtol=1e-4)


def test_zeroed_video_decoder_treats_frames_alone() -> None:
    torch.manual_seed(2)
    vae = SmallTemporalAutoencoder(**VAE).eval()
    latents = torch.randn(3, VAE["latent_channels"] * VAE["patch_size"] ** 2, 8, 8)
    zero_temporal(vae)
    with torch.no_grad():
        together = vae.decode(latents, num_frames=3).sample
        alone = torch.cat([vae.decode(latent[None], num_frames=1).sample for latent in latents])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
