from pathlib import Path

import pytest
import torch

from animate.training.schedule import Schedule, load_state, save_state


def test_rate_warms_up_then_falls_to_the_floor() -> None:
    schedule = Schedule(steps=1000, peak=1e-3, warm_up=10, floor=0.1)
    assert schedule.rate(0) == pytest.approx(1e-4)
    assert schedule.rate(9) == pytest.approx(1e-3, rel=1e-3)
    assert schedule.rate(500) == pytest.approx(0.55e-3, rel=1e-3)
    assert schedule.rate(1000) == pytest.approx(1e-4)


def test_state_comes_back_and_no_part_is_left(tmp_path: Path) -> None:
    assert load_state(tmp_path / "run" / "state.pt") is None
    save_state(tmp_path / "run" / "state.pt", {"step": 3, "weights": {"a": torch.ones(2)}})
    state = load_state(tmp_path / "run" / "state.pt")
    assert state is not None
    assert state["step"] == 3
    assert torch.equal(state["weights"]["a"], torch.ones(2))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["state.pt"]
