"""Small real jobs: the tiny random model on a few frames of the shipped dance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from animate.batch.jobs import Job

SMALL: dict[str, Any] = {"size": "64x96", "frames": 3, "steps": 1, "device": "cpu"}


def small_jobs(
    folder: Path, model: Path, driving: Path, ref: Path, count: int, **more: Any
) -> list[Job]:
    """Jobs that differ in their seeds."""
    values = {"model": str(model), **SMALL, **more}
    words = [f"--{name}={value}" for name, value in values.items()]
    return [
        Job(line=n + 1, driving=str(driving), ref=str(ref), output=str(folder / f"{n}.mp4"),
            words=(*words, f"--seed={n}", "--no-eval"))
        for n in range(count)
    ]  # fmt: skip


def listed(folder: Path, model: Path, driving: Path, ref: Path, count: int, **more: Any) -> Path:
    """The same jobs as a list in a file."""
    values = {"model": str(model), **SMALL, **more, "eval": False}
    rows = [
        {"driving": str(driving), "ref": str(ref), "out": f"{n}.mp4", "seed": n, **values}
        for n in range(count)
    ]
    path = folder / "jobs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
