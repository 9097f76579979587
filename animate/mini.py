"""The embedded models: they live inside the package, so that an installed wheel has them too.

In `animate models` they stand beside those that are fetched (see commands/models.Source).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from animate.errors import ModelError

FOLDER = Path(__file__).parent / "weights" / "mini"


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """A model inside the package, trained by this project's own code on its own pictures."""

    name: str
    purpose: str
    licence: str = "Apache-2.0"
    urls: tuple[str, ...] = ()

    @property
    def size(self) -> int | None:
        """Bytes of its weights; None where it is missing."""
        folder = locate(self.name)
        if folder is None:
            return None
        return sum(file.stat().st_size for file in folder.rglob("*.safetensors"))


MODELS = (
    Embedded(name="mini", purpose="the embedded animator, 128 pixels"),
    Embedded(name="mini-image", purpose="the embedded picture model, 80 pixels"),
)
SETS: Mapping[str, tuple[str, ...]] = {}


def locate(name: str, folder: str | os.PathLike[str] | None = None) -> Path | None:
    """Where an embedded model lies; None if it is missing, or asked for elsewhere."""
    place = FOLDER.with_name(name)
    return place if folder is None and (place / "model_index.json").is_file() else None


def fetch(
    name: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Say where an embedded model lies: it comes with the package. Raises ModelError."""
    place = locate(name)
    if place is None:
        raise ModelError(f"the embedded model {name} is missing: install the package again")
    return [place]
