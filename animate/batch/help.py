"""A clip on several workers: what a helper does for another's clip, and when it pays."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from animate.config import Settings
    from animate.load import Model
    from animate.pipelines.denoiser import Conditions, Denoiser
    from temporal.windows import Window


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a helper must know of a clip. settings: of its model; conditions: in main memory."""

    settings: Settings
    conditions: Conditions
    control_scale: float | Tensor
    halves_apart: bool

    @classmethod
    def of(cls, settings: Settings, own: Denoiser) -> Told:
        """What the denoiser of a clip says, whose model was loaded by these settings."""
        return cls(
            settings=settings,
            conditions=own.conditions.to("cpu"),
            control_scale=own.control_scale,
            halves_apart=own.halves_apart,
        )


class Helper:
    """Predicts windows of another worker's clip, with hooks of its own on its worker's model."""

    def __init__(self, load: Callable[[Settings], Model]) -> None:
        self._load = load
        self._name: str | None = None
        self._denoiser: Denoiser | None = None
        self._hooks = ExitStack()
        self._lock = threading.Lock()  # a clip of the worker's own begins in another thread

    def learn(self, name: str, told: Told) -> None:
        """Get ready for a clip of this name; loads its model if it is not in memory."""
        from animate.pipelines.denoiser import Denoiser
        from temporal.control import join
        from temporal.parallel import replicate

        self.forget()
        with self._lock:
            pipeline = self._load(told.settings).pipeline
            # Shares the weights, not the hooks.
            unet = replicate(pipeline.unet, pipeline.unet.device)
            joined = join(unet, pipeline.controlnext, device=unet.device)
            self._hooks.enter_context(joined)
            self._denoiser = Denoiser(
                unet=unet,
                injector=joined,
                features=None,
                control_scale=told.control_scale,
                conditions=told.conditions.to(unet.device),
                halves_apart=told.halves_apart,
            )
            self._name = name

    def forget(self) -> None:
        """Help no more, and let go of the model; waits for the window that is at work."""
        with self._lock:
            self._hooks.close()
            self._name = self._denoiser = None

    def predict(
        self, name: str, part: Tensor, timestep: Tensor, window: Window, control: Any
    ) -> tuple[Tensor, float]:
        """What `Denoiser.predict` gives, in main memory, and the seconds it took.

        Raises LookupError if it was not told of the clip.
        """
        with self._lock:
            if self._denoiser is None or name != self._name:
                raise LookupError(f"nothing is known of {name}")
            began = time.monotonic()
            prediction = self._denoiser.predict(part, timestep, window, control).cpu()
        return prediction, time.monotonic() - began


def helpers_that_pay(windows: int, seconds: float, moving: float, idle: int) -> int:
    """How many of so many idle workers make a step shortest; the fewest of those.

    A step of some windows, of so many seconds each, lasts as many of them as come one after the
    other on one worker; each that goes away and comes back moves for some seconds.
    """

    def lasts(helpers: int) -> float:
        rounds = math.ceil(windows / (helpers + 1))
        return rounds * seconds + (windows - rounds) * moving

    return min(range(idle + 1), key=lambda helpers: (lasts(helpers), helpers))
