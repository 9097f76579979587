from __future__ import annotations

from pathlib import Path

import pytest
import torch

from temporal.controlnext import VARIANTS, ControlNeXt
from temporal.errors import ControlError
from temporal.inject import SITES


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
def test_stem_does_not_depend_on_time(encoder: ControlNeXt) -> None:
    frames = torch.rand(2, 3, 32, 32)
    stem = encoder.stem(frames)
    for timestep in (-0.5, 1.5):
        again = encoder.encode(stem, encoder.embed_time(timestep, frames))
        torch.testing.assert_close(again, encoder(frames, timestep))
    assert not torch.allclose(encoder(frames, -0.5), encoder(frames, 1.5), atol=1e-3)


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_official_variants_have_their_site_and_scale(variant: str) -> None:
    with torch.device("meta"):
        encoder = ControlNeXt.from_variant(variant)
    assert encoder.injection == SITES[variant]
    assert ("scale" in encoder.state_dict()) == (variant in {"svd_v1", "sd15_legacy"})


def test_gain_of_the_config_replaces_the_sites() -> None:
    encoder = ControlNeXt(
        stem_channels=(8,), block_channels=(8, 8), out_channels=8, site="svd_v2", gain=1.0
    )
    assert encoder.injection.gain == 1.0
    assert encoder.injection.eps == SITES["svd_v2"].eps


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
