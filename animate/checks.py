"""Checks of single settings; each complaint names the option and what it expects."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from animate.errors import UsageError

LARGEST_SEED = 2**63 - 1  # torch takes twice that, which leaves room for counting on


def option(name: str) -> str:
    """`control_scale` -> `--control-scale`."""
    return "--" + name.replace("_", "-")


def check_count(name: str, value: object, *, at_least: int, at_most: int | None = None) -> None:
    """Raise UsageError unless value is None or a whole number within bounds."""
    if value is None:
        return
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole and value >= at_least and (at_most is None or value <= at_most)):  # type: ignore[operator]
        bound = f"of at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"
        raise UsageError(f"{option(name)} expects a whole number {bound}, got {value}")


def check_number(
    name: str,
    value: float | None,
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    at_most: float = math.inf,
) -> None:
    """Raise UsageError unless value is None or a finite number within bounds."""
    if value is None:
        return
    known = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if not (known and at_least <= value <= at_most and value > above):
        bound = f"of at least {at_least:g}" if at_least > -math.inf else f"above {above:g}"
        bound = f"from {at_least:g} to {at_most:g}" if at_most < math.inf else bound
        raise UsageError(f"{option(name)} expects a number {bound}, got {value}")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise UsageError unless value is None or one of the choices."""
    if value is not None and value not in choices:
        raise UsageError(f"{option(name)} expects {' | '.join(choices)}, got {value!r}")


def check_exists(name: str, value: str | None) -> None:
    """Raise UsageError unless value is None or the path of something."""
    if value is not None and not Path(value).exists():
        raise UsageError(f"{option(name)} {value}: no such file or folder")


def check_person(value: object) -> None:
    """Raise UsageError unless value names a person as pose.track understands it."""
    if value == "largest":
        return
    from pose.identity import check_person as check  # needs numpy, which the default does without

    try:
        check(value)  # type: ignore[arg-type]
    except ValueError as error:
        raise UsageError(str(error)) from error


def check_device(name: object) -> None:
    """Raise UsageError unless it names a device as torch does."""
    if not (isinstance(name, str) and re.fullmatch(r"(cpu|cuda|mps|xpu|npu|meta)(:\d+)?", name)):
        raise UsageError(f"--devices expects names such as cuda:0,cuda:1, got {name!r}")


def is_size(value: object) -> bool:
    """Whether value is (width, height) in whole pixels."""
    sides = value if isinstance(value, tuple) else ()
    whole = [isinstance(side, int) and not isinstance(side, bool) and side >= 1 for side in sides]
    return len(whole) == 2 and all(whole)


def plain(value: Any) -> Any:
    """What a caller gave in Python's own types: NumPy's numbers, lists and paths are taken, too."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # of NumPy and torch
        value = value.tolist()
    return tuple(map(plain, value)) if isinstance(value, (list, tuple)) else value
