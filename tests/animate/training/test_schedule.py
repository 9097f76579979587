import pytest
import torch

from animate.training.schedule import Schedule


def test_rate_warms_up_then_falls_to_the_floor() -> None:
    schedule = Schedule(steps=1000, peak=1e-3, warm_up=10, floor=0.1)
    assert schedule.rate(0) == pytest.approx(1e-4)
    assert schedule.rate(9) == pytest.approx(1e-3, rel=1e-3)
    assert schedule.rate(500) == pytest.approx(0.55e-3, rel=1e-3)
    assert schedule.rate(1000) == pytest.approx(1e-4)


def test_groups_keep_their_factor() -> None:
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": weights[:1], "rate": 0.1}, {"params": weights[1:]}])
    Schedule(steps=10, peak=1.0, warm_up=0).apply(optimizer, 0)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 1.0]
