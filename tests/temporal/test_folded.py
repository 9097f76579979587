from __future__ import annotations

import pytest
import torch

from temporal.blocks import TimedBlock, build_level
from temporal.controlnext import VARIANTS, ControlNeXt
from temporal.folded import FoldedEncoder


@torch.no_grad()
@pytest.mark.parametrize("size", [(64, 48), (50, 62), (33, 47), (20, 18)])
@pytest.mark.parametrize("variant", ["svd_v2", "svd_v2_training", "svd_v1", "sd15_legacy"])
def test_folding_changes_nothing(variant: str, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    narrow = {"block_channels": (8, 12, 12)[: len(VARIANTS[variant].get("block_channels", (1, 2)))]}
    if variant != "sd15_legacy":
        narrow["stem_channels"] = (8, 8, 8)
    encoder = ControlNeXt.from_variant(variant, **narrow).eval()
    folded = FoldedEncoder(encoder)
    control = torch.rand(2, 3, *size)
    time = encoder.embed_time(torch.tensor([0.3, -0.4]), control)
    expected = encoder.descend(encoder.prepare(control), time)
    got = folded.descend(folded.prepare(control), time)
    torch.testing.assert_close(got, expected, atol=2e-6, rtol=1e-5)


@torch.no_grad()
def test_a_block_in_two_parts_is_the_block() -> None:
    block: TimedBlock = build_level(8, 12, 4).eval()
    hidden, time = torch.randn(2, 8, 9, 7), torch.randn(2, 256)
    again = block.after_time(block.before_time(hidden), hidden, time)
    assert torch.equal(again, block(hidden, time))


@torch.no_grad()
def test_half_precision_stays_close() -> None:
    torch.manual_seed(0)
    encoder = ControlNeXt(stem_channels=(8, 8), block_channels=(8, 16)).eval().to(torch.bfloat16)
    folded, control = FoldedEncoder(encoder), torch.rand(1, 3, 32, 32)
    time = encoder.embed_time(0.2, control)
    expected = encoder.descend(encoder.prepare(control), time)
    got = folded.descend(folded.prepare(control), time)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got, expected, atol=0.05, rtol=0.05)
