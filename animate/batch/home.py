"""Where the state of a batch lies."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from animate.batch.places import is_remote
from animate.batch.store import FILE, Store
from animate.errors import OutputError, UsageError


def find_state(manifest: Path, outputs: Sequence[str]) -> Path:
    """Where the state of these outputs lies: `state_folder`, unless an earlier form of the list,
    with other outputs, had its own elsewhere, above or below."""
    usual = state_folder(manifest, outputs)
    above = list(usual.parent.parents)
    below = dict.fromkeys(
        home
        for output in outputs
        if not is_remote(output)
        for home in (Path(output).parent, *Path(output).parent.parents)
        if usual.parent in home.parents
    )
    for home in (usual.parent, *above, *below, Path(manifest).absolute().parent):
        if _knows(home / usual.name, outputs):
            return home / usual.name
    return usual


def _knows(folder: Path, outputs: Sequence[str]) -> bool:
    """Whether a batch with any of these outputs has run there."""
    if not (folder / FILE).exists():
        return False
    with contextlib.suppress(OutputError, UsageError), Store(folder, reading=True) as store:
        return not store.outputs().isdisjoint(outputs)
    return False


def state_folder(manifest: Path, outputs: Sequence[str]) -> Path:
    """Where the state lies: beside the outputs, or beside the manifest if those are elsewhere."""
    here = [os.path.dirname(output) for output in outputs if not is_remote(output)]
    beside = Path(manifest).absolute().parent
    if here and len(here) == len(outputs):
        common = Path(os.path.commonpath(here))
        beside = common if common != Path(common.anchor) else beside
    return beside / f".{manifest.stem}.batch"
