"""What was loaded for the last run, kept for the next one that needs the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Loaded = TypeVar("Loaded")

# Settings that decide which weights are in memory, and how; others change from run to run.
LOADING = (
    "model", "base", "controlnext", "unet", "variant", "unet_as", "allow_pickle", "scheduler",
    "lora", "device", "dtype", "attention", "compile", "offload",
)  # fmt: skip
# The same of `animate.still_settings.StillSettings`: parts and LoRA weights come and go with each
# call.
STILL_LOADING = ("model", "config", "vae", "allow_pickle", "device", "dtype")


class Kept(Generic[Asked, Loaded]):
    """Loads by settings, and gives the same again for as long as those that decide it stay.

    load: as `animate.load.load_model`. names: of the settings that decide. Safe to call from
    several threads.
    """

    def __init__(self, load: Callable[[Asked], Loaded], names: Sequence[str]) -> None:
        self._load, self._names = load, names
        self._kept: tuple[Asked, Loaded] | None = None
        self._one = threading.Lock()

    def __call__(self, settings: Asked) -> Loaded:
        """What these settings need: that in memory while they allow it."""
        with self._one:
            if self._kept is None or not self._alike(self._kept[0], settings):
                self._kept = None  # its memory goes before the next one needs it
                self._kept = (settings, self._load(settings))
            return self._kept[1]

    @property
    def settings(self) -> Asked:
        """By which it was loaded."""
        assert self._kept is not None
        return self._kept[0]

    def drop(self) -> None:
        """Keep nothing: something else needs the memory."""
        with self._one:
            self._kept = None

    def _alike(self, one: Asked, other: Asked) -> bool:
        return all(getattr(one, name) == getattr(other, name) for name in self._names)
