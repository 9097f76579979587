"""Workers that predict windows of another's clip."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from animate.batch.help import Helper, Told, helpers_that_pay
from animate.batch.worker import Worker
from animate.pipelines import ControlNeXtVideoPipeline
from animate.progress import ignore
from temporal.controlnet import ControlNet
from temporal.parallel import LaneLostError
from tests.animate.batch.clips import small_jobs

LONG: dict[str, Any] = {"frames": 12, "steps": 3, "window": 4, "overlap": 1}  # some windows a step


class Neighbours:
    """Helpers that are objects of this process; breaks_after: predictions of each."""

    def __init__(self, worker: Worker, helpers: Sequence[Helper], breaks_after: int = 99) -> None:
        self.worker, self.helpers, self.breaks_after = worker, helpers, breaks_after
        self.asked: list[tuple[int, float]] = []
        self.predicted = 0

    def begin(self, told: Any) -> None:
        for helper in self.helpers:
            helper.learn("clip", Told.of(self.worker.model_settings(), told))

    def lanes(self, windows: int, seconds: float) -> list[Any]:
        self.asked.append((windows, seconds))
        return [partial(self._predict, helper) for helper in self.helpers]

    def _predict(self, helper: Helper, *told: Any) -> Any:
        if self.predicted >= self.breaks_after:
            raise LaneLostError("gone")
        self.predicted += 1
        return helper.predict("clip", *told)[0]


@pytest.mark.parametrize(
    ("helpers", "breaks_after", "guidance"), [(1, 99, 1), (2, 99, 2), (2, 1, 2), (1, 0, 1)]
)
def test_a_clip_that_was_helped_with_has_the_bytes_of_one_that_was_not(
    helpers: int, breaks_after: int, guidance: int,
    dance: Path, hero: Path, tiny_model: Path, tmp_path: Path,
) -> None:  # fmt: skip
    job = small_jobs(tmp_path, tiny_model, dance, hero, 1, guidance=guidance, **LONG)[0]
    worker = Worker(tmp_path / "scratch")
    worker.make(job, None, ignore, None)
    alone = Path(job.output).read_bytes()
    Path(job.output).unlink()
    others = [Helper(Worker(tmp_path / f"scratch_{n}").load) for n in range(helpers)]
    neighbours = Neighbours(worker, others, breaks_after)
    worker.make(job, None, ignore, None, neighbours)
    assert Path(job.output).read_bytes() == alone
    windows = {windows for windows, _ in neighbours.asked}
    assert len(neighbours.asked) == LONG["steps"] - 1  # the first step shows what one takes
    assert all(number >= 3 for number in windows)
    assert all(seconds > 0 for _, seconds in neighbours.asked)
    assert 0 < neighbours.predicted <= breaks_after or breaks_after == 0


def test_a_controlnet_is_helped_with_too(
    dance: Path, hero: Path, tiny_model: Path, tmp_path: Path
) -> None:
    pipeline = ControlNeXtVideoPipeline.from_pretrained(tiny_model)
    part = ControlNet.from_unet(pipeline.unet, halvings=1, control_look="soft")
    for layer in (*part.joins, part.embedding.conv_out):
        torch.nn.init.normal_(layer.weight, std=0.1)
    part.save_pretrained(tmp_path / "part")
    more = {"controlnext": str(tmp_path / "part"), "guidance": 2, **LONG}
    job = small_jobs(tmp_path, tiny_model, dance, hero, 1, **more)[0]
    worker, helper = Worker(tmp_path / "scratch"), Helper(Worker(tmp_path / "other").load)
    worker.make(job, None, ignore, None)
    alone = Path(job.output).read_bytes()
    Path(job.output).unlink()
    neighbours = Neighbours(worker, [helper])
    worker.make(job, None, ignore, None, neighbours)
    assert Path(job.output).read_bytes() == alone
    assert neighbours.predicted > 0


def test_a_helper_knows_only_the_clip_that_it_was_told_of(
    dance: Path, hero: Path, tiny_model: Path, tmp_path: Path
) -> None:
    job = small_jobs(tmp_path, tiny_model, dance, hero, 1, **LONG)[0]
    worker, helper = Worker(tmp_path / "scratch"), Helper(Worker(tmp_path / "other").load)
    worker.make(job, None, ignore, None, Neighbours(worker, [helper]))
    with pytest.raises(LookupError, match="another"):
        helper.predict("another", None, None, None, None)  # type: ignore[arg-type]


def test_a_helper_with_a_clip_of_its_own_lets_go_of_the_others_model(
    dance: Path, hero: Path, tiny_model: Path, tmp_path: Path
) -> None:
    job = small_jobs(tmp_path, tiny_model, dance, hero, 1, **LONG)[0]
    worker, other = Worker(tmp_path / "scratch"), Worker(tmp_path / "other")
    helper = Helper(other.load)
    worker.make(job, None, ignore, None, Neighbours(worker, [helper]))
    unet = other.load(job.settings).pipeline.unet
    held = {weight.data_ptr() for weight in unet.parameters()}

    def copies() -> int:
        modules = [one for one in gc.get_objects() if type(one) is type(unet) and one is not unet]
        return sum(held <= {weight.data_ptr() for weight in one.parameters()} for one in modules)

    gc.collect()
    assert copies() == 1
    helper.forget()
    gc.collect()
    assert copies() == 0
    with pytest.raises(LookupError, match="clip"):
        helper.predict("clip", None, None, None, None)  # type: ignore[arg-type]


@given(
    windows=st.integers(1, 40), seconds=st.floats(0.01, 100), moving=st.floats(0, 100),
    idle=st.integers(0, 12),
)  # fmt: skip
def test_help_is_taken_where_it_is_faster(
    windows: int, seconds: float, moving: float, idle: int
) -> None:
    paying = helpers_that_pay(windows, seconds, moving, idle)
    assert 0 <= paying <= min(idle, windows - 1)
    if paying:
        rounds = -(-windows // (paying + 1))
        assert rounds * seconds + (windows - rounds) * moving < windows * seconds


def test_the_fewest_helpers_that_do_most_are_taken() -> None:
    assert helpers_that_pay(10, 8.0, 0.03, 7) == 4  # two rounds take five workers, eight do no more
    assert helpers_that_pay(10, 8.0, 0.03, 9) == 9
    assert helpers_that_pay(10, 0.1, 5.0, 9) == 0
    assert helpers_that_pay(1, 8.0, 0.0, 3) == 0
