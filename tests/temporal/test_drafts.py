"""A draft stays as it was where the result agrees with it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from temporal.drafts import keep_drafts


@pytest.fixture
def drafts() -> Tensor:
    return torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_a_draft_that_was_kept_is_as_sharp_as_it_was(drafts: Tensor) -> None:
    redrawn = torch.nn.functional.avg_pool2d(drafts, 5, 1, 2)
    assert torch.allclose(keep_drafts(redrawn, drafts, redrawn), drafts, atol=1e-6)


def test_what_was_changed_stays_changed(drafts: Tensor) -> None:
    redrawn = torch.nn.functional.avg_pool2d(drafts, 5, 1, 2)
    decoded = redrawn.clone()
    decoded[..., :16] = 1 - decoded[..., :16].round()
    restored = keep_drafts(decoded, drafts, redrawn)
    assert torch.allclose(restored[..., :12], decoded[..., :12], atol=0.02)
    assert torch.allclose(restored[..., 20:], drafts[..., 20:], atol=1e-6)
    assert restored.min() >= 0
    assert restored.max() <= 1
