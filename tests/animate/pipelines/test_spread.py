from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from animate.pipelines import ControlNeXtVideoPipeline
from temporal.errors import DeviceError

Run = Callable[..., Any]
TWO = ["cpu", "cpu"]


def hooks(module: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules())


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Workers on the same cores that each want all of them wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("blend", ["weighted", "official", "shifted"])
@pytest.mark.parametrize("devices", [["cpu"], TWO, [*TWO, "cpu"]])
def test_workers_give_the_bits_of_one(blend: str, devices: list[str], run: Run) -> None:
    rising = {"min_guidance_scale": 1.0, "max_guidance_scale": 3.0}
    alone = run(12, blend=blend, **rising)
    assert torch.equal(run(12, blend=blend, devices=devices, **rising), alone)


def test_workers_share_the_windows(pipeline: ControlNeXtVideoPipeline, run: Run) -> None:
    workers: list[str] = []
    handle = pipeline.unet.register_forward_hook(  # the replica has it too
        lambda *args: workers.append(threading.current_thread().name)
    )
    run(12)
    alone = len(workers)
    run(12, devices=TWO)
    handle.remove()
    assert len(workers) == 2 * alone
    assert len(set(workers)) == 3


def test_workers_without_control_or_with_halves_apart(run: Run) -> None:
    for asked in ({"control_scale": 0.0}, {"halves_apart": True}):
        assert torch.equal(run(9, devices=TWO, **asked), run(9, **asked))


def test_nothing_is_left_behind_by_an_interrupt(
    pipeline: ControlNeXtVideoPipeline, run: Run, control: Tensor
) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(12, devices=TWO, progress=interrupt)
    assert hooks(pipeline.unet) == 0
    run(12, devices=TWO)
    assert hooks(pipeline.unet) == 0


def test_an_error_in_a_worker_surfaces_as_itself(
    pipeline: ControlNeXtVideoPipeline, run: Run
) -> None:
    def fail(module: nn.Module, args: Any, output: Any) -> None:
        raise ZeroDivisionError("in the UNet")

    handle = pipeline.unet.mid_block.register_forward_hook(fail)
    with pytest.raises(ZeroDivisionError, match="in the UNet"):
        run(12, devices=TWO)
    handle.remove()


def test_an_unusable_device_is_named(run: Run) -> None:
    with pytest.raises(DeviceError, match="cuda:77"):
        run(3, devices=["cpu", "cuda:77"])


def test_offloading_excludes_several_devices(pipeline: ControlNeXtVideoPipeline, run: Run) -> None:
    pipeline.unet._hf_hook = object()
    with pytest.raises(DeviceError, match="offloading"):
        run(3, devices=TWO)
    del pipeline.unet._hf_hook
