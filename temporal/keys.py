"""Accounting for the names and shapes of tensors: what fits a module, and what does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

NAMED_AT_MOST = 6  # keys of a kind that an error message spells out


@dataclass(frozen=True, kw_only=True)
class KeyReport:
    """How the tensors of a file compare with those of a module.

    misshapen: with both shapes, ready to be told. fitting: names that can be loaded.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]
    fitting: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many tensors the module has."""
        return len(self.fitting) + len(self.misshapen) + len(self.missing)

    def problems(self, *, partial: bool = False) -> str:
        """Name what is wrong, empty if nothing is; in a partial file nothing is missing."""
        kinds = {
            "missing": () if partial else self.missing,
            "unexpected": self.unexpected,
            "misshapen": self.misshapen,
        }
        return "; ".join(f"{kind}: {_listed(keys)}" for kind, keys in kinds.items() if keys)


def compare_keys(own: nn.Module | Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> KeyReport:
    """Compare a file's tensors with a module (or its state dict), by name and shape."""
    known = own.state_dict() if isinstance(own, nn.Module) else own
    shared = [key for key in known if key in tensors]
    wrong = [key for key in shared if tensors[key].shape != known[key].shape]
    return KeyReport(
        missing=tuple(key for key in known if key not in tensors),
        unexpected=tuple(key for key in tensors if key not in known),
        misshapen=tuple(
            f"{key} {tuple(tensors[key].shape)} instead of {tuple(known[key].shape)}"
            for key in wrong
        ),
        fitting=tuple(key for key in shared if tensors[key].shape == known[key].shape),
    )


def _listed(keys: Iterable[str]) -> str:
    keys = list(keys)
    more = f" and {len(keys) - NAMED_AT_MOST} more" if len(keys) > NAMED_AT_MOST else ""
    return ", ".join(keys[:NAMED_AT_MOST]) + more
