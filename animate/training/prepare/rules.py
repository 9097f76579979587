"""What a clip must show to be worth training on: one table of rules, each with a threshold."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from animate.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A figure that is measured of every clip, and how far it may go.

    least: whether `limit` is the least that will do, else it is the most.
    """

    name: str
    least: bool
    limit: float
    unit: str
    text: str  # of a clip that breaks it
    stills: bool = True  # whether it also holds for photographs

    def broken(self, value: float, limit: float) -> bool:
        """Whether a value is on the wrong side of the limit; what is no number is."""
        return not (value >= limit if self.least else value <= limit)


# In the order in which they are reported. Where the limits come from: the project's sample clips
# and renders, a filmed dance, and these again with each fault put in (tests/.../prepare).
RULES = (
    Rule(name="readable", least=True, limit=1.0, unit="", text="cannot be read"),
    Rule(name="single", least=True, limit=1.0, unit="", text="the same file as another"),
    Rule(name="short_side", least=True, limit=256, unit="pixels", text="the picture is too small"),
    Rule(name="seconds", least=True, limit=1.0, unit="s", text="too short", stills=False),
    # The mean change of brightness from frame to frame, of 255: slides and stills have next to 0.
    Rule(name="change", least=True, limit=0.05, unit="of 255", text="stands still", stills=False),
    # Crete's measure of blur (see picture.blur): 0.34-0.51 for sharp ones, 0.67 and more for the
    # same ones under a Gaussian of 2 pixels.
    Rule(name="blur", least=False, limit=0.6, unit="of 1", text="not sharp"),
    # Letters in lines that stay in place (see picture.letters): 0 on clean films and photographs;
    # 18 of 20 overlays tried gave more than 4, pale capitals on a pale ground the fewest.
    Rule(name="letters", least=False, limit=4, unit="", text="text over the picture"),
    Rule(name="present", least=True, limit=0.9, unit="of the frames", text="no person"),
    Rule(name="alone", least=True, limit=0.9, unit="of the frames", text="several persons"),
    Rule(
        name="height", least=True, limit=0.35, unit="of the picture", text="the figure is too small"
    ),
    Rule(name="hands", least=True, limit=0.3, unit="of the frames", text="hands not clear"),
    Rule(
        name="cut_off", least=False, limit=0.25, unit="of the frames",
        text="hands cut off by the picture's edge",
    ),
    # The faster wrist, at the 95th percentile.
    Rule(
        name="speed", least=True, limit=0.5, unit="torso lengths/s", text="hardly moves",
        stills=False,
    ),
    # Most often an edit in which only the person jumps, which no look at the picture finds.
    Rule(
        name="jumps", least=False, limit=0.0, unit="of the frames", text="the body jumps",
        stills=False,
    ),
)  # fmt: skip
BY_NAME = {rule.name: rule for rule in RULES}
Limits = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A rule that a clip breaks."""

    rule: str
    value: float
    limit: float

    def line(self) -> str:
        """For people."""
        rule = BY_NAME[self.rule]
        side = "at least" if rule.least else "at most"
        unit = f" {rule.unit}" if rule.unit else ""
        return f"{rule.text} ({self.rule} {self.value:.3g}, {side} {self.limit:.3g}{unit})"


def breaches(
    figures: Mapping[str, float], limits: Limits, *, still: bool = False
) -> tuple[Breach, ...]:
    """All rules that these figures break; a figure that was not measured breaks none."""
    found = []
    for rule in RULES:
        limit = limits.get(rule.name, rule.limit)
        if limit is None or rule.name not in figures or (still and not rule.stills):
            continue
        if rule.broken(figures[rule.name], limit):
            found.append(Breach(rule=rule.name, value=figures[rule.name], limit=limit))
    return tuple(found)


def parse_limits(words: Iterable[str]) -> dict[str, float | None]:
    """Limits from `NAME=NUMBER` and `NAME=off`. Raises UsageError."""
    limits: dict[str, float | None] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"--rule expects NAME=NUMBER or NAME=off, got {word!r}")
        check_name(name)
        try:
            limits[name] = None if value == "off" else float(value)
        except ValueError:
            raise UsageError(f"--rule {name} expects a number or off, got {value!r}") from None
    return limits


def check_name(name: str) -> None:
    """Raise UsageError for a rule that does not exist, naming the nearest one."""
    if name not in BY_NAME:
        near = difflib.get_close_matches(name, BY_NAME, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"unknown rule {name!r}: {hint}known: {', '.join(BY_NAME)}")


def table(limits: Limits | None = None) -> list[str]:
    """The rules with their limits, a line each."""
    lines = []
    for rule in RULES:
        limit = (limits or {}).get(rule.name, rule.limit)
        side = "at least" if rule.least else "at most"
        told = "off" if limit is None else f"{side} {limit:g} {rule.unit}".rstrip()
        lines.append(f"{rule.name:<11} {told:<30} {rule.text}")
    return lines


def as_json(limits: Limits) -> dict[str, Any]:
    """Every rule's limit, null where it is off."""
    return {rule.name: limits.get(rule.name, rule.limit) for rule in RULES}
