"""The windows of a step spread over several devices, with the result of one."""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from temporal.sampling import Denoise, Jobs
from temporal.windows import Window

Predict = Callable[[Tensor, Tensor, Window, Any], Tensor]
Prepare = Callable[[Tensor, Window], Any]
Module = TypeVar("Module", bound=nn.Module)

AHEAD = 2  # windows per lane that are prepared or predicted before they are asked for


class LaneLostError(RuntimeError):
    """Raised by a replica that is gone, with its machine perhaps: the first does its windows."""


class Lanes:
    """Threads that work off the windows of a step together, one for each replica of a model.

    replicas: predict(window latents, timestep, window, prepared), each for one thread at a time.
    Any but the first may raise LaneLostError.
    prepare(timestep, window) gives `prepared`; it runs in the caller's thread in window order, so
    that it cannot matter which lane takes which window. Leaving the context waits for the windows
    in progress, drops those that have not begun, and ends the threads.
    """

    def __init__(self, replicas: Sequence[Predict], prepare: Prepare) -> None:
        self._prepare = prepare
        self._ahead = AHEAD * len(replicas)
        self._stopped = threading.Event()
        self._own = threading.local()
        self._first = _in_turn(replicas[0])
        unused: SimpleQueue[Predict] = SimpleQueue()
        for replica in (self._first, *replicas[1:]):
            unused.put(replica)
        self._pool = ThreadPoolExecutor(len(replicas), "lane", self._adopt, (unused,))

    def __enter__(self) -> Lanes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run_all(self, denoise: Denoise, timestep: Tensor, jobs: Jobs) -> Iterator[Tensor]:
        """Yield the predictions in window order; a `RunAll` of `temporal.sampling`.

        The replicas stand in for `denoise`. An error in a lane is raised here as it is, and no
        lane begins another window.
        """
        waiting: deque[Future[Tensor]] = deque()
        for part, window in jobs:
            prepared = self._prepare(timestep, window)
            waiting.append(self._pool.submit(self._work, part, timestep, window, prepared))
            if len(waiting) >= self._ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _adopt(self, unused: SimpleQueue[Predict]) -> None:
        self._own.predict = unused.get()

    def _work(self, part: Tensor, timestep: Tensor, window: Window, prepared: Any) -> Tensor:
        if self._stopped.is_set():
            raise RuntimeError("another lane failed")  # is raised after that lane's own error
        try:
            prediction = self._predict(part, timestep, window, prepared)
            # Waits for the device here, so that a lane takes a window when it has time for it.
            return prediction.to(part.device)
        except BaseException:
            self._stopped.set()
            raise

    def _predict(self, *told: Any) -> Tensor:
        predict: Predict = self._own.predict
        try:
            return predict(*told)
        except LaneLostError:
            self._own.predict = self._first
            return self._first(*told)


def _in_turn(predict: Predict) -> Predict:
    """The same for any number of threads, one of which has it at a time."""
    lock = threading.Lock()

    def predict_in_turn(*told: Any) -> Tensor:
        with lock:
            return predict(*told)

    return predict_in_turn


def replicate(module: Module, device: torch.device | str) -> Module:
    """Return a copy of a module on a device, with hooks of its own.

    The weights are shared where they are on that device already, and copied without a detour
    where they are not.
    """
    memo: dict[int, Any] = {}
    for parameter in module.parameters():
        there = nn.Parameter(parameter.detach().to(device), requires_grad=parameter.requires_grad)
        memo[id(parameter)] = there
    for buffer in module.buffers():
        memo[id(buffer)] = buffer.to(device)
    return copy.deepcopy(module, memo)
