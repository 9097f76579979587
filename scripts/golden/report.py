"""One compared quantity, its tolerance as a manifest words it, and the table."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; ok is None for what the project does not cover yet."""

    name: str
    ok: bool | None
    difference: float | None = None
    limit: float | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A tolerance: largest difference over a measure of the expected values."""

    value: float
    measure: str = "one"  # one, max, std

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read a manifest's words, such as "max|diff| <= 1e-4 * max|expected|"."""
        if text == "exact":
            return cls(value=0.0)
        number = re.search(r"(?<![\w.])\d+(\.\d+)?(e-?\d+)?", text)
        if number is None:
            raise ValueError(f"cannot read the tolerance {text!r}")
        measure = "one"
        if "std(expected)" in text:
            measure = "std"
        elif "max|expected|" in text or "relative to max" in text:
            measure = "max"
        return cls(value=float(number.group()), measure=measure)

    def compare(self, name: str, got: Any, expected: Any) -> Row:
        """Compare two tensors (or what becomes one)."""
        import torch

        got = torch.as_tensor(got).double()
        expected = torch.as_tensor(expected).double()
        if got.shape != expected.shape:
            note = f"shape {tuple(got.shape)} instead of {tuple(expected.shape)}"
            return Row(name=name, ok=False, limit=self.value, note=note)
        difference = float((got - expected).abs().max()) / self._size(expected)
        # NaN compares false, so it fails.
        return Row(name=name, ok=difference <= self.value, difference=difference, limit=self.value)

    def _size(self, expected: Any) -> float:
        if self.measure == "std":
            return float(expected.std())
        return float(expected.abs().max()) or 1.0 if self.measure == "max" else 1.0


def same(name: str, got: Any, expected: Any) -> Row:
    """A row that holds if two plain values are equal."""
    note = "" if got == expected else f"{got!r} instead of {expected!r}"[:200]
    return Row(name=name, ok=got == expected, note=note)


def uncovered(name: str) -> Row:
    """A row for a case that the project does not cover yet."""
    return Row(name=name, ok=None)


def summary(name: str, rows: list[Row]) -> list[Row]:
    """One row for a case: its tightest comparison; then what failed and what is not covered."""
    compared = [row for row in rows if row.ok is not None]
    failed = [row for row in compared if not row.ok]
    lines = [replace(row, name=f"{name}: {row.name}") for row in rows if row.ok is None]
    if compared:
        worst = max(compared, key=lambda row: (row.difference or 0) / (row.limit or 1))
        note = f"{len(compared)} compared" + (f", tightest: {worst.name}" if worst.limit else "")
        lines.insert(0, replace(worst, name=name, ok=not failed, note=note))
    return lines + [replace(row, name=f"  {row.name}") for row in failed]


def line(row: Row) -> str:
    """A row of the table as text."""
    difference = "" if row.difference is None else f"{row.difference:.2e}"
    limit = "" if row.limit is None else f"{row.limit:.0e}"
    result = {True: "ok", False: "FAILED", None: "not covered"}[row.ok]
    return f"{row.name:<38} {difference:>10} {limit:>9}  {result}  {row.note}".rstrip()
