from __future__ import annotations

from pathlib import Path

import pytest
import torch

from temporal.controlnext import VARIANTS, ControlNeXt
from temporal.errors import ControlError
from temporal.sites import SITES, Site, find_sites


@torch.no_grad()
def test_batch_and_frames_are_flattened(encoder: ControlNeXt) -> None:
    clip = torch.rand(2, 3, 3, 32, 48)
    features = encoder(clip, torch.tensor([0.5, -0.2]))
    assert features.shape == (6, 32, 4, 6)
    alone = encoder(clip[1], -0.2)
    torch.testing.assert_close(features[3:], alone, atol=1e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize(("padding", "size"), [(0, (7, 11)), (1, (8, 12))])
def test_stem_padding_decides_the_size(padding: int, size: tuple[int, int]) -> None:
    small = {"stem_channels": (8, 8, 8), "block_channels": (8, 8), "out_channels": 8}
    encoder = ControlNeXt(stem_padding=padding, **small).eval()
    assert encoder(torch.rand(1, 3, 64, 96), 0.1).shape[-2:] == size


@torch.no_grad()
def test_what_is_prepared_does_not_depend_on_time(encoder: ControlNeXt) -> None:
    frames = torch.rand(2, 3, 32, 32)
    prepared = encoder.prepare(frames)
    for timestep in (-0.5, 1.5):
        hidden = encoder.descend(prepared, encoder.embed_time(timestep, frames))
        (again,) = encoder.project(hidden)
        assert torch.equal(again, encoder(frames, timestep))
    assert not torch.allclose(encoder(frames, -0.5), encoder(frames, 1.5), atol=1e-3)


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_official_variants_have_their_site_and_scale(variant: str) -> None:
    with torch.device("meta"):
        encoder = ControlNeXt.from_variant(variant)
    assert encoder.injection == (SITES[variant],)
    assert encoder.anchored == (variant != "svd_v1")
    assert encoder.reach == 0
    assert ("scale" in encoder.state_dict()) == (variant in {"svd_v1", "sd15_legacy"})


def test_gain_of_the_config_replaces_the_sites() -> None:
    encoder = ControlNeXt(
        stem_channels=(8,), block_channels=(8, 8), out_channels=8, site="svd_v2", gain=1.0
    )
    (site,) = encoder.injection
    assert site.gain == 1.0
    assert site.eps == SITES["svd_v2"].eps


@torch.no_grad()
@pytest.mark.parametrize("widths", [(6, 10), (7, 9), (64, 128)])
def test_any_width_has_valid_groups(widths: tuple[int, int]) -> None:
    encoder = ControlNeXt(stem_channels=(5, 6), block_channels=widths, out_channels=12)
    assert encoder(torch.rand(1, 3, 32, 32), 0.0).shape[1] == 12


@torch.no_grad()
def test_settings_and_weights_survive_saving(tmp_path: Path) -> None:
    encoder = ControlNeXt(
        stem_channels=(8, 8), block_channels=(8,), out_channels=8, gain=0.5, control_look="soft"
    )
    encoder.save_pretrained(tmp_path)
    loaded = ControlNeXt.from_pretrained(tmp_path)
    frames = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(loaded(frames, 0.3), encoder.eval()(frames, 0.3))
    assert loaded.injection == encoder.injection
    assert loaded.config["control_look"] == "soft"


def test_runs_under_autocast(encoder: ControlNeXt) -> None:
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        features = encoder(torch.rand(1, 2, 3, 32, 32), torch.tensor([0.5]))
    assert features.isfinite().all()


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 4, 32, 32), (1, 2, 1, 32, 32)])
def test_wrong_control_shapes_are_refused(shape: tuple[int, ...], encoder: ControlNeXt) -> None:
    with pytest.raises(ControlError, match="control must be"):
        encoder.stem(torch.rand(shape))


def test_unknown_variant_is_refused() -> None:
    with pytest.raises(ControlError, match="svd_v3"):
        ControlNeXt.from_variant("svd_v3")


SMALL = {"stem_channels": (8,), "block_channels": (8, 8), "block_groups": (2,)}
SEVERAL = ["conv_in", {**vars(SITES["svd_v1"])}, "up_blocks.1:before"]


@torch.no_grad()
def test_every_site_gets_features_of_its_own_width() -> None:
    encoder = ControlNeXt(site=SEVERAL, out_channels=[8, 12, 16], **SMALL).eval()
    features = encoder(torch.rand(2, 3, 3, 16, 16), 0.5)
    assert [part.shape[:2] for part in features] == [(6, 8), (6, 12), (6, 16)]
    assert encoder.injection == find_sites(SEVERAL)


@torch.no_grad()
def test_several_sites_and_mixing_survive_saving(tmp_path: Path) -> None:
    encoder = ControlNeXt(
        site=SEVERAL, out_channels=[8, 12, 16], temporal_layers=2, gain=0.3, **SMALL
    ).eval()
    for parameter in encoder.parameters():
        parameter.add_(0.1)
    encoder.save_pretrained(tmp_path)
    loaded = ControlNeXt.from_pretrained(tmp_path)
    frames = torch.rand(1, 4, 3, 16, 16)
    for again, before in zip(loaded(frames, 0.3), encoder(frames, 0.3), strict=True):
        assert torch.equal(again, before)
    assert loaded.injection == encoder.injection
    assert loaded.reach == 2


def test_a_record_may_be_given_as_such(tmp_path: Path) -> None:
    site = Site(module="mid_block", when="after", order="pool_norm", eps=1e-3)
    encoder = ControlNeXt(site=site, out_channels=8, **SMALL)
    encoder.save_config(tmp_path)
    assert ControlNeXt.from_config(ControlNeXt.load_config(tmp_path)).injection == (site,)


def test_the_first_site_keeps_the_official_names() -> None:
    single = ControlNeXt(out_channels=8, **SMALL).state_dict().keys()
    several = ControlNeXt(site=["svd_v2", "mid_block"], out_channels=8, **SMALL).state_dict().keys()
    assert several - single == {"mid_convs.2.weight", "mid_convs.2.bias"}
    assert single <= several


def test_widths_and_sites_must_agree_in_number() -> None:
    with pytest.raises(ControlError, match="one number for each"):
        ControlNeXt(site=["conv_in", "mid_block"], out_channels=[8], **SMALL)


@torch.no_grad()
def test_official_weights_with_fresh_temporal_layers_give_the_same() -> None:
    plain = ControlNeXt(**SMALL, out_channels=8).eval()
    mixing = ControlNeXt(**SMALL, out_channels=8, temporal_layers=2).eval()
    missing, unexpected = mixing.load_state_dict(plain.state_dict(), strict=False)
    assert all(key.startswith("temporal_mixing.") for key in missing)
    assert not unexpected
    clip = torch.rand(2, 5, 3, 16, 16)
    assert torch.equal(mixing(clip, 0.5), plain(clip, 0.5))


@torch.no_grad()
def test_trained_temporal_layers_mix_within_their_reach_and_clip() -> None:
    encoder = ControlNeXt(**SMALL, out_channels=8, temporal_layers=2).eval()
    for layer in encoder.temporal_mixing:
        torch.nn.init.normal_(layer.conv.weight)
    clip = torch.rand(2, 6, 3, 16, 16)
    other = clip.clone()
    other[0, 0] = 0
    changed = (encoder(clip, 0.5) - encoder(other, 0.5)).abs().amax(dim=(1, 2, 3)) > 1e-5
    assert changed.tolist() == [True, True, True, *[False] * 9]


def test_fresh_temporal_layers_learn() -> None:
    encoder = ControlNeXt(**SMALL, out_channels=8, temporal_layers=1)
    encoder(torch.rand(1, 3, 3, 16, 16), 0.5).square().mean().backward()
    grad = encoder.get_submodule("temporal_mixing.0.conv").weight.grad
    assert isinstance(grad, torch.Tensor)
    assert grad.abs().sum() > 0
