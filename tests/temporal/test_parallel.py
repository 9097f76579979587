from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from temporal.parallel import AHEAD, LaneLostError, Lanes, replicate
from temporal.sampling import one_by_one
from temporal.windows import Window, plan_windows

FRAMES = 13
NOW = torch.tensor(0.5)
WINDOWS = plan_windows(FRAMES, 4, 1)


def jobs() -> list[tuple[Tensor, Window]]:
    clip = torch.arange(float(FRAMES)).reshape(1, FRAMES, 1, 1, 1)
    return [(clip[:, window.start : window.stop], window) for window in WINDOWS]


def prepare(timestep: Tensor, window: Window) -> float:
    return float(window.start)


def predict(part: Tensor, timestep: Tensor, window: Window, prepared: float) -> Tensor:
    return part * timestep + prepared


def denoise(part: Tensor, timestep: Tensor, window: Window) -> Tensor:
    return predict(part, timestep, window, prepare(timestep, window))


def unneeded(timestep: Tensor, window: Window) -> None:
    return None


@settings(max_examples=15, deadline=None)
@given(naps=st.lists(st.sampled_from([0.0, 0.001, 0.004]), min_size=1, max_size=4))
def test_lanes_of_any_speed_give_what_one_gives_in_order(naps: list[float]) -> None:
    def lane(nap: float) -> Any:
        def slow(*args: Any) -> Tensor:
            time.sleep(nap)
            return predict(*args)

        return slow

    with Lanes([lane(nap) for nap in naps], prepare) as lanes:
        spread = list(lanes.run_all(denoise, NOW, jobs()))
    alone = list(one_by_one(denoise, NOW, jobs()))
    assert all(torch.equal(one, other) for one, other in zip(spread, alone, strict=True))


def test_every_lane_keeps_to_its_own_replica() -> None:
    used: dict[int, set[str]] = {0: set(), 1: set()}
    both = threading.Barrier(2, timeout=10)

    def lane(number: int) -> Any:
        def meet(part: Tensor, *args: Any) -> Tensor:
            used[number].add(threading.current_thread().name)
            if args[1] in WINDOWS[:2]:
                both.wait()  # passes only if two lanes work at the same time
            return part

        return meet

    with Lanes([lane(0), lane(1)], unneeded) as lanes:
        list(lanes.run_all(denoise, NOW, jobs()))
        list(lanes.run_all(denoise, NOW, jobs()))
    assert [len(names) for names in used.values()] == [1, 1]
    assert used[0] != used[1]


def test_preparation_stays_in_order_and_in_the_callers_thread() -> None:
    prepared: list[tuple[int, str]] = []

    def note(timestep: Tensor, window: Window) -> None:
        prepared.append((window.start, threading.current_thread().name))

    with Lanes([lambda part, *args: part] * 2, note) as lanes:
        list(lanes.run_all(denoise, NOW, jobs()))
    here = threading.current_thread().name
    assert prepared == [(window.start, here) for window in WINDOWS]


def test_few_windows_are_prepared_ahead() -> None:
    begun: list[int] = []

    def note(timestep: Tensor, window: Window) -> None:
        begun.append(window.start)

    many = plan_windows(100, 2)
    with Lanes([lambda part, *args: part], note) as lanes:
        results = lanes.run_all(denoise, NOW, ((torch.zeros(1), window) for window in many))
        next(results)
        assert len(begun) == AHEAD
        results.close()  # type: ignore[attr-defined]


def test_an_error_in_a_lane_is_raised_as_it_is_and_stops_all() -> None:
    begun: list[int] = []

    def fails(part: Tensor, timestep: Tensor, window: Window, prepared: None) -> Tensor:
        begun.append(window.start)
        if window is WINDOWS[1]:
            raise MemoryError("lane out of memory")
        time.sleep(0.02)
        return part

    with (
        pytest.raises(MemoryError, match="lane out of memory"),
        Lanes([fails, fails], unneeded) as lanes,
    ):
        list(lanes.run_all(denoise, NOW, jobs()))
    assert begun == [window.start for window in WINDOWS[:2]]


def test_an_interrupted_consumer_leaves_no_threads() -> None:
    before = threading.active_count()

    def slow(part: Tensor, *args: Any) -> Tensor:
        time.sleep(0.02)
        return part

    def consume(lanes: Lanes) -> None:
        for _ in lanes.run_all(denoise, NOW, jobs()):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Lanes([slow, slow], unneeded) as lanes:
        consume(lanes)
    assert threading.active_count() == before


def test_a_replica_shares_weights_but_no_hooks(
    unet: UNetSpatioTemporalConditionModel, run: Callable[[], Tensor]
) -> None:
    twin = replicate(unet, "cpu")
    pointers = [weight.data_ptr() for weight in unet.parameters()]
    assert [weight.data_ptr() for weight in twin.parameters()] == pointers
    calls: list[int] = []
    handle = unet.down_blocks[0].register_forward_hook(lambda *args: calls.append(1))
    twin(torch.zeros(1, 2, 8, 8, 8), 0.5, torch.zeros(1, 1, 16), torch.zeros(1, 3))
    assert not calls
    run()
    handle.remove()
    assert calls


def test_a_replica_elsewhere_has_weights_there_and_leaves_the_original(
    unet: UNetSpatioTemporalConditionModel,
) -> None:
    twin = replicate(unet, "meta")
    assert {weight.device.type for weight in twin.parameters()} == {"meta"}
    assert {weight.device.type for weight in unet.parameters()} == {"cpu"}
    assert not twin.training


def test_the_first_lane_does_the_windows_of_one_that_is_lost() -> None:
    at_once: list[int] = []

    def first(*told: Any) -> Tensor:
        at_once.append(1)
        assert len(at_once) == 1
        time.sleep(0.002)
        at_once.pop()
        return predict(*told)

    def lost(*told: Any) -> Tensor:
        raise LaneLostError("its machine is gone")

    with Lanes([first, lost, lost], prepare) as lanes:
        spread = list(lanes.run_all(denoise, NOW, jobs()))
    alone = list(one_by_one(denoise, NOW, jobs()))
    assert all(torch.equal(one, other) for one, other in zip(spread, alone, strict=True))
