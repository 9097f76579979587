from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from animate.pipelines.tiles import Tile, blended, decoded, in_tiles, plan_tiles
from animate.training.bands import build_vae
from tests.animate.pipelines.stills import Still

WIDE = 128  # pixels of a picture that needs tiles


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 20), st.integers(1, 20), st.integers(2, 9), st.integers(0, 8), st.integers(1, 3)
)
def test_every_place_is_covered_by_tiles_of_bounded_size(
    height: int, width: int, side: int, overlap: int, step: int
) -> None:
    overlap = min(overlap, side - 1)
    tiles = plan_tiles(height * step, width * step, side * step, overlap * step, step=step)
    covered = torch.zeros(height * step, width * step)
    for tile in tiles:
        assert tile.bottom - tile.top <= side * step
        assert tile.top % step == tile.bottom % step == tile.left % step == tile.right % step == 0
        assert tile.weight().shape == tile.cut(covered).shape
        assert tile.weight().min() > 0
        tile.cut(covered).add_(tile.weight())
    assert covered.min() > 0


@pytest.mark.parametrize("scale", [1, 4])
def test_work_that_changes_nothing_is_seamless(scale: int) -> None:
    whole = torch.rand(1, 3, 24, 40)
    tiles = plan_tiles(24, 40, 12, 4, step=2)

    def enlarge(tile: Tile, part: Tensor) -> Tensor:
        return part.repeat_interleave(scale, -1).repeat_interleave(scale, -2)

    assert len(tiles) > 4
    made = blended(whole, tiles, enlarge, scale=scale)
    torch.testing.assert_close(made, enlarge(tiles[0], whole), atol=1e-6, rtol=1e-6)


def test_tiles_that_disagree_meet_in_a_ramp() -> None:
    tiles = plan_tiles(8, 60, 24, 12)
    levels = iter(range(len(tiles)))
    made = blended(torch.zeros(1, 1, 8, 60), tiles, lambda tile, part: part + next(levels))
    steps = made[0, 0, 0].diff().abs()
    assert made.max() - made.min() > 1
    assert steps.max() < 0.2  # without overlap it would be 1


def test_one_tile_is_the_pipeline_bit_for_bit(stills: dict[str, Still]) -> None:
    still = stills["sd3"]
    inner, plain = still.pipeline.transformer, still.run()
    with in_tiles(still.pipeline, plan_tiles(8, 8, 8, 2)):
        assert torch.equal(still.run(), plain)
    assert still.pipeline.transformer is inner
    assert torch.equal(still.run(), plain)


def test_every_tile_is_announced_before_its_turn(stills: dict[str, Still]) -> None:
    still, turns = stills["sd3"], []
    tiles = plan_tiles(16, 16, 10, 4)
    with in_tiles(still.pipeline, tiles, turns.append):
        still.run(height=WIDE, width=WIDE, num_inference_steps=1)
    assert turns == tiles


def test_decoding_in_overlapping_tiles_is_nearer_to_decoding_at_once(
    stills: dict[str, Still],
) -> None:
    still = stills["sd3"]
    latents = torch.randn(1, 4, 8, 24, generator=torch.Generator().manual_seed(0))
    whole = decoded(still.pipeline, latents, plan_tiles(8, 24, 24, 0))

    def fault(side: int, overlap: int) -> float:
        tiles = plan_tiles(8, 24, side, overlap)
        assert len(tiles) == 2
        apart = (decoded(still.pipeline, latents, tiles) - whole).abs()
        return float(apart[..., 92:100].mean())

    assert fault(16, 8) < 0.5 * fault(12, 0)


def test_tiles_are_decoded_with_what_lies_around() -> None:
    pipeline = SimpleNamespace(vae=build_vae(), vae_scale_factor=1)
    latents = torch.randn(1, 4, 24, 40, generator=torch.Generator().manual_seed(0))
    whole = decoded(pipeline, latents, plan_tiles(24, 40, 40, 0))
    apart = decoded(pipeline, latents, plan_tiles(24, 40, 16, 4))
    torch.testing.assert_close(apart, whole, atol=2e-3, rtol=0)
