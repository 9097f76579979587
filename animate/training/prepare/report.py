"""What was kept, what was dropped and why: report.json, and report.html with thumbnails."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from animate.training.prepare.entry import Entry
from animate.training.prepare.index import write_text
from animate.training.prepare.rules import BY_NAME, RULES, Limits, as_json

PAGE, DATA = "report.html", "report.json"
MOST_SHOWN = 400  # clips a group on the page; the JSON names all
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
  color: #222; background: #fff }
table { border-collapse: collapse } td, th { padding: .2rem .8rem .2rem 0; text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.clips { display: flex; flex-wrap: wrap; gap: 1rem }
figure { margin: 0; width: 12rem } figure img { max-width: 100%; max-height: 10rem; display: block }
figcaption { font-size: 12px; overflow-wrap: anywhere } figcaption b { color: #a22 }
"""


def summary(entries: Sequence[Entry]) -> list[str]:
    """The figures in a few lines."""
    kept = [entry.row for entry in entries if entry.row]
    films = [row for row in kept if not row.still]
    seconds = sum(row.stop - row.start for row in films)
    told = [f"Kept {len(kept)} of {len(entries)}: {_amounts(len(films), seconds, len(kept))}"]
    for name, count in _counts(entries).most_common():
        told.append(f"  {count} dropped: {BY_NAME[name].text} ({name})")
    return told


def write_report(folder: Path, entries: Sequence[Entry], limits: Limits) -> None:
    """Write both files; each appears when it is whole."""
    entries = sorted(entries, key=lambda entry: entry.name)
    write_text(folder / DATA, json.dumps(_data(entries, limits), indent=1))
    write_text(folder / PAGE, _page(entries, limits))


def _amounts(films: int, seconds: float, kept: int) -> str:
    parts = [f"{films} clips, {seconds:.1f} s"] if films or not kept else []
    parts += [f"{kept - films} photographs"] if kept > films else []
    return ", ".join(parts)


def _counts(entries: Sequence[Entry]) -> Counter[str]:
    """How many were dropped by the first rule that they break."""
    return Counter(entry.breaches[0].rule for entry in entries if entry.breaches)


def _data(entries: Sequence[Entry], limits: Limits) -> dict[str, Any]:
    dropped = [
        {
            "name": entry.name,
            "source": entry.source,
            "start": entry.start,
            "stop": entry.stop,
            "reasons": [
                {"rule": breach.rule, "value": breach.value, "limit": breach.limit}
                for breach in entry.breaches
            ],
            "reason": entry.reason,
            "figures": entry.figures,
            "thumb": entry.thumb,
        }
        for entry in entries
        if entry.breaches
    ]
    return {
        "kept": sum(entry.row is not None for entry in entries),
        "dropped": len(dropped),
        "limits": as_json(limits),
        "by_rule": dict(_counts(entries)),
        "clips": dropped,
    }


def _page(entries: Sequence[Entry], limits: Limits) -> str:
    counts = _counts(entries)
    rows = "".join(_rule_row(rule.name, counts, limits) for rule in RULES)
    groups: list[tuple[str, list[Entry]]] = [
        (f"Dropped: {BY_NAME[name].text}", [e for e in entries if _first(e) == name])
        for name, _ in counts.most_common()
    ]
    groups.append(("Kept", [entry for entry in entries if entry.row]))
    lines = "".join(f"<p>{html.escape(line.strip())}</p>" for line in summary(entries)[:1])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Prepared clips</title>'
        f"<style>{STYLE}</style><h1>Prepared clips</h1>{lines}"
        "<table><tr><th>Rule</th><th>Limit</th><th>Dropped</th><th>Clips that</th></tr>"
        f"{rows}</table>{''.join(_group(*group) for group in groups if group[1])}</html>\n"
    )


def _first(entry: Entry) -> str:
    return entry.breaches[0].rule if entry.breaches else ""


def _rule_row(name: str, counts: Mapping[str, int], limits: Limits) -> str:
    rule = BY_NAME[name]
    limit = limits.get(name, rule.limit)
    side = "at least" if rule.least else "at most"
    told = "off" if limit is None else f"{side} {limit:g} {rule.unit}".rstrip()
    cells = f'<td>{name}</td><td>{html.escape(told)}</td><td class="number">{counts[name]}</td>'
    return f"<tr>{cells}<td>{html.escape(rule.text)}</td></tr>"


def _group(title: str, entries: Sequence[Entry]) -> str:
    shown = "".join(_clip(entry) for entry in entries[:MOST_SHOWN])
    more = len(entries) - MOST_SHOWN
    note = f"<p>and {more} more, see {DATA}</p>" if more > 0 else ""
    heading = f"<h2>{html.escape(title)}: {len(entries)}</h2>"
    return f'{heading}<div class="clips">{shown}</div>{note}'


def _clip(entry: Entry) -> str:
    picture = f'<img loading="lazy" alt="" src="{html.escape(entry.thumb)}">' if entry.thumb else ""
    place = "" if entry.still else f", {entry.start:.1f} to {entry.stop:.1f} s"
    reasons = "".join(f"<br><b>{html.escape(line)}</b>" for line in entry.lines())
    name = f"{html.escape(entry.name)}<br>{html.escape(Path(entry.source).name)}{place}"
    return f"<figure>{picture}<figcaption>{name}{reasons}</figcaption></figure>"
