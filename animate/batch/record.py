"""What the batch remembers of one job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from animate.batch.jobs import Job, job_from


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of a job; strip: a JPEG of some frames; figures: the judge's, as a dict.

    attempts: that ended in an error; losses: workers that were lost while they had it; replaces:
    see places.print_of, of the file that was there before; began: whether it ever ran.
    """

    output: str
    position: int
    line: int
    job: Job
    state: str
    attempts: int
    losses: int
    error: str | None
    passing: bool
    seconds: float | None
    frames: int | None
    replaces: str | None
    began: bool
    figures: dict[str, Any] | None


def _figures(text: str) -> dict[str, Any]:
    """The judge's figures, as a report reads them. Raises ValueError and the like for others."""
    figures = dict(json.loads(text))
    for name, kind in (("motion", dict), ("identity", dict), ("steadiness", dict),
                       ("findings", list)):  # fmt: skip
        if not isinstance(figures.get(name) or kind(), kind):
            raise ValueError(name)
    return figures


def record_from(row: Mapping[str, Any]) -> Record:
    """A record of columns by their names. Raises ValueError, TypeError or KeyError for nonsense."""
    values = dict(row)
    values["job"] = job_from(json.loads(values["job"]))
    values["figures"] = _figures(values["figures"]) if values["figures"] else None
    values["passing"], values["began"] = bool(values["passing"]), bool(values["began"])
    return Record(**values)
