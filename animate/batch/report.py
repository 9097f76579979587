"""What came out of a batch, for people (HTML in one file) and for programs (JSON)."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template
from typing import Any

from animate.batch.places import short_names
from animate.batch.record import Record
from animate.batch.store import DONE, FAILED, Store
from animate.batch.view import fidelity
from animate.files import partial_path, settle
from animate.judge.evaluation import LIMITS

THRESHOLD = LIMITS["motion.body"].warn  # of the body's joints, the share that should be right
PAGE = Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>$title</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; }
section { border-top: 1px solid #ccc; padding: .7em 0; }
h2 { font-size: 1em; margin: 0; } p { margin: .2em 0; }
.look h2 { color: #b30000; } img { display: block; margin: .4em 0; max-width: 100%; }
small { color: #666; }
</style>
<h1>$title</h1>
<p>$summary</p>
$sections
</html>
""")


def entries(store: Store, threshold: float = THRESHOLD) -> list[dict[str, Any]]:
    """A dict for each job; those that need a look first: failed, below the threshold, poor."""
    records = store.records()
    names = short_names([record.output for record in records])
    found = [_entry(record, names[record.output], threshold) for record in records]
    return sorted(found, key=_rank)


def write_report(store: Store, path: Path, threshold: float = THRESHOLD) -> tuple[Path, Path]:
    """Write the page and, beside it, the JSON; both appear whole. Returns both paths."""
    found, counts = entries(store, threshold), store.counts()
    told = {"counts": counts, "threshold": threshold, "jobs": found}
    data = path.with_suffix(".json")
    _write(data, [json.dumps(told, indent=1)])
    _write(path, _page(store, found, counts, threshold))
    return path, data


def _entry(record: Record, name: str, threshold: float) -> dict[str, Any]:
    body, verdict = fidelity(record.figures)
    below = record.state == DONE and ((body is not None and body < threshold) or verdict == "poor")
    return {
        "output": record.output, "name": name, "state": record.state,
        "look": below or record.state == FAILED,
        "line": record.line, "driving": record.job.driving, "ref": record.job.ref,
        "options": list(record.job.words), "seconds": record.seconds, "frames": record.frames,
        "attempts": record.attempts, "losses": record.losses, "error": record.error,
        "body": body, "verdict": verdict, "figures": record.figures,
    }  # fmt: skip


def _rank(entry: dict[str, Any]) -> tuple[bool, bool, float, int]:
    body = entry["body"]
    return not entry["look"], entry["state"] != FAILED, 2.0 if body is None else body, entry["line"]


def _page(
    store: Store, found: Sequence[dict[str, Any]], counts: dict[str, int], threshold: float
) -> Iterator[str]:
    """The page in pieces, as strips of many jobs are many megabytes."""
    told = ", ".join(f"{number} {state}" for state, number in counts.items())
    look = sum(entry["look"] for entry in found)
    marker = "\0"
    page = PAGE.substitute(
        title=html.escape(f"Batch {store.folder.name.strip('.').removesuffix('.batch')}"),
        summary=html.escape(
            f"{told}. {look} need a look: failed, judged poor, or less than {threshold:g} of the "
            "body's joints right."
        ),
        sections=marker,
    )
    head, tail = page.split(marker)
    yield head
    for entry in found:
        yield _section(entry, store.strip(entry["output"]))
    yield tail


def _section(entry: dict[str, Any], strip: bytes | None) -> str:
    say = html.escape
    lines = [f"<h2>{say(entry['name'])}: {say(_headline(entry))}</h2>"]
    if strip is not None:
        picture = base64.b64encode(strip).decode()
        lines.append(f'<img alt="frames" src="data:image/jpeg;base64,{picture}">')
    if entry["error"] and entry["state"] == FAILED:
        lines.append(f"<p>{say(entry['error'])}</p>")
    for finding in (entry["figures"] or {}).get("findings", ()):
        told = f"{finding['level'].capitalize()}: {finding['text']} ({finding['value']:.3g})"
        lines.append(f"<p>{say(told)}</p>")
    inputs = f"line {entry['line']}: {entry['driving']} + {entry['ref']} "
    lines.append(f"<p><small>{say(inputs + ' '.join(entry['options']))}</small></p>")
    kind = ' class="look"' if entry["look"] else ""
    return f"<section{kind}>{''.join(lines)}</section>\n"


def _headline(entry: dict[str, Any]) -> str:
    parts = [entry["state"]]
    if entry["verdict"]:
        parts.append(entry["verdict"])
    figures = entry["figures"] or {}
    for text, value in (
        ("{:.2f} of the joints right", entry["body"]),
        ("colours off by {:.1f}", (figures.get("identity") or {}).get("colour")),
        ("flicker {:.1f}", (figures.get("steadiness") or {}).get("flicker")),
        ("{} frames", entry["frames"]),
        ("{:.1f} s", entry["seconds"]),
    ):
        if value is not None:
            parts.append(text.format(value))
    return ", ".join(parts)


def _write(path: Path, parts: Sequence[str] | Iterator[str]) -> None:
    partial = partial_path(path)
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(parts)
        settle(partial, path)
    finally:
        partial.unlink(missing_ok=True)
