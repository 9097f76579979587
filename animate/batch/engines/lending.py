"""Idle actors of a Ray cluster, lent to the clip that has the most windows left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from animate.batch.help import Told, helpers_that_pay

if TYPE_CHECKING:
    from torch import Tensor

    from animate.config import Settings
    from animate.pipelines.denoiser import Denoiser
    from temporal.parallel import Predict
    from temporal.windows import Window

GROUP = "help"  # of an actor's calls: they run beside a clip of its own, if one comes
READY = 0.001  # seconds; a helper that needs longer is asked at the next step

Actors = dict[str, Any]  # handles by the actors' ids


class Lender:
    """The batch's side: who is idle, who has most to do."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox
        self._left: dict[str, int] = {}
        self._lent: tuple[str | None, frozenset[str]] = (None, frozenset())

    def hear(self, name: str, stage: str, left: int) -> None:
        """Progress of a task."""
        self._left[name] = left if stage == "denoise" else 0

    def lend(self, idle: Iterable[Any], busy: Iterable[str]) -> None:
        """Lend all idle actors to one of the tasks under way, and take back those lent before."""
        actors = {actor_id(actor): actor for actor in idle}
        left = {name: self._left[name] for name in busy if self._left.get(name)}
        longest = max(left, key=lambda name: left[name], default=None) if actors else None
        lent = (longest, frozenset(actors))
        if lent != self._lent:
            self._lent = lent
            self._mailbox.lend.remote({} if longest is None else {longest: actors})


class Lent:
    """The clip's side: `animate.pipelines.spread.Helpers` that are actors."""

    def __init__(self, name: str, mailbox: Any, settings: Callable[[], Settings]) -> None:
        self.windows = 0  # that helpers have predicted
        self._name, self._mailbox, self._settings = name, mailbox, settings
        self._told: Any = None
        self._learning: dict[str, Any] = {}
        self._lost: set[str] = set()
        self._moving = 0.0

    def begin(self, told: Denoiser) -> None:
        """See `Helpers`."""
        import ray

        self._told = ray.put(Told.of(self._settings(), told))

    def lanes(self, windows: int, seconds: float) -> Sequence[Predict]:
        """See `Helpers`: those that are lent and have loaded the model, if they pay."""
        import ray

        lent: Actors = ray.get(self._mailbox.lent.remote(self._name))
        for key in lent.keys() - self._learning.keys():
            learn = lent[key].learn.options(concurrency_group=GROUP)
            self._learning[key] = learn.remote(self._name, self._told)
        ready = [key for key in lent if key not in self._lost and self._is_ready(key)]
        paying = helpers_that_pay(windows, seconds, self._moving, len(ready))
        return [partial(self._ask, key, lent[key]) for key in ready[:paying]]

    def _is_ready(self, key: str) -> bool:
        import ray

        learning = self._learning[key]
        if not ray.wait([learning], timeout=READY)[0]:
            return False
        try:
            ray.get(learning)
        except ray.exceptions.RayError:  # too little memory there, perhaps: we go on without it
            self._lost.add(key)
            return False
        return True

    def _ask(
        self, key: str, actor: Any, part: Tensor, timestep: Tensor, window: Window, control: Any
    ) -> Tensor:
        import ray

        from temporal.parallel import LaneLostError

        began = time.monotonic()
        near = None if control is None else tuple(feature.cpu() for feature in control)
        ask = actor.help.options(concurrency_group=GROUP)
        try:
            prediction, computed = ray.get(
                ask.remote(self._name, part.cpu(), timestep.cpu(), window, near)
            )
        except ray.exceptions.RayError as error:
            self._lost.add(key)
            raise LaneLostError(f"a helper of {self._name} is lost") from error
        self._moving = time.monotonic() - began - computed
        self.windows += 1
        found: Tensor = prediction
        return found


def actor_id(actor: Any) -> str:
    """The same for every handle of an actor."""
    return str(actor._actor_id.hex())
