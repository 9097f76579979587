"""What a data set is prepared by: the settings that decide it, kept beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animate.checks import check_choice, check_count, check_exists, check_number
from animate.errors import UsageError
from animate.training.prepare.rules import as_json, check_name

PEOPLE = ("one", "largest", "all", "any")
FILE = "prepare.json"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a caller may choose.

    people: `one` keeps clips of a single person; `largest` follows the largest of several; `all`
    keeps everybody's keypoints; `any` does not look for persons at all. limits: thresholds of
    `rules.RULES` by name, None for off, those left out as the table has them. fps: resample the
    films to it. longest: seconds of a clip. short_side: pixels that clips and pictures are shrunk
    to, None leaves them. captions: a JSONL file, see `captions`; captioner: who describes clips
    that have no caption. annotators: control maps to make and store. smooth: of pose.track.
    Raises UsageError for values that make no sense.
    """

    people: str = "one"
    limits: Mapping[str, float | None] = field(default_factory=dict)
    fps: float | None = None
    longest: float = 10.0
    short_side: int | None = None
    pose_backend: str = "auto"
    smooth: float = 0.3
    captions: Path | None = None
    captioner: str | None = None
    annotators: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_choice("people", self.people, PEOPLE)
        check_number("fps", self.fps, above=0.0)
        check_number("longest", self.longest, above=0.0)
        check_number("smooth", self.smooth, at_least=0.0, at_most=1.0)
        check_count("short_side", self.short_side, at_least=16)
        check_exists("captions", None if self.captions is None else str(self.captions))
        for name in self.limits:
            check_name(name)

    def facts(self) -> dict[str, Any]:
        """All that decides what becomes of a film, for JSON."""
        return {
            "version": VERSION,
            "people": self.people,
            "limits": as_json(self.limits),
            "fps": self.fps,
            "longest": self.longest,
            "short_side": self.short_side,
            "pose_backend": self.pose_backend,
            "smooth": self.smooth,
            "captioner": self.captioner,
            "annotators": list(self.annotators),
        }

    def agree(self, folder: Path) -> None:
        """Note the plan in a new data set, or raise UsageError if an old one had another."""
        path = folder / FILE
        if path.exists():
            noted = _noted(path)
            if noted != self.facts():
                raise UsageError(_difference(folder, noted, self.facts()))
            return
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(self.facts(), indent=1), encoding="utf-8")
        partial.replace(path)


def _noted(path: Path) -> dict[str, Any]:
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        noted = None
    if not isinstance(noted, dict) or not isinstance(noted.get("limits", {}), dict):
        raise UsageError(f"{path} is damaged; name another folder, or remove this one")
    return noted


def _difference(folder: Path, noted: dict[str, Any], now: dict[str, Any]) -> str:
    flat = [{**facts, **facts.get("limits", {})} for facts in (noted, now)]
    names = [name for name in flat[1] if name != "limits" and flat[0].get(name) != flat[1][name]]
    told = ", ".join(f"{name} {flat[0].get(name)}, not {flat[1][name]}" for name in names)
    return f"{folder} was prepared with {told}: name another folder, or ask for the same again"
