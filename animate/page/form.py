"""Fields of a form that stand for settings: gradio gives their values, this reads them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from animate.errors import UsageError

OWN = "the model's own"  # shown where a field is left empty


class Form:
    """Settings by name, each with its component and how its value is read."""

    def __init__(self) -> None:
        self.components: list[Any] = []
        self._fields: list[tuple[str, Callable[[Any], Any]]] = []

    def add(
        self, name: str, component: Any, read: Callable[[Any], Any] = lambda value: value
    ) -> Any:
        """Let a component stand for a setting; an empty one leaves it at its default."""
        self.components.append(component)
        self._fields.append((name, read))
        return component

    def read(self, values: tuple[Any, ...]) -> dict[str, Any]:
        """The settings that were filled in. Raises UsageError for a value that cannot be read."""
        filled = {}
        for (name, read), value in zip(self._fields, values, strict=True):
            if value is None or value == "":
                continue
            try:
                filled[name] = read(value)
            except (argparse.ArgumentTypeError, ValueError) as error:
                raise UsageError(f"{name.replace('_', ' ')}: {error}") from error
        return filled


def whole(value: float | str) -> int:
    """A field's value that must be a whole number. Raises ValueError."""
    number = numeral(value)
    if not number.is_integer():
        raise ValueError(f"expected a whole number, got {value}")
    return int(number)


def numeral(value: float | str) -> float:
    """A field's value that must be a number. Raises ValueError."""
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"expected a number, got {value!r}") from None


def given(file: str | None, what: str) -> Path:
    """The path of an uploaded file. Raises UsageError if there is none."""
    if not file:
        raise UsageError(f"nothing to work on: give {what} first")
    return Path(file)
