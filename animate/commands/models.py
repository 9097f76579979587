"""List model files, fetch them, or tell where they lie."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from animate.commands import options
from animate.errors import ModelError, UsageError

ACTIONS = ("list", "fetch", "path")
# Modules that offer models, each with what Source says.
SOURCES = ("pose.models", "animate.hub", "animate.mini")
FACTS = ("purpose", "licence", "size", "sha256", "steps")  # of a model, None where not known


class Source(Protocol):
    """A kind of models: entries with name, purpose, licence, size in bytes and urls; names that
    stand for several; where an entry lies; how to get it."""

    MODELS: Sequence[Any]
    SETS: Mapping[str, tuple[str, ...]]

    def locate(self, name: str, folder: Path | None = None) -> Path | None: ...

    def fetch(
        self, name: str, folder: Path | None, *, progress: Callable[[int, int], None]
    ) -> list[Path]: ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate models`."""
    parser.usage = "animate models [list | fetch NAME... | path NAME...] [options]"
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="list")
    parser.add_argument("names", metavar="NAME", nargs="*", help="models, or sets such as dwpose")
    parser.add_argument("--json", action="store_true", help="list as JSON")
    parser.add_argument(
        "--to", metavar="FOLDER", type=Path, help="fetch into this folder, not the user's cache"
    )


def run(arguments: argparse.Namespace) -> None:
    """Do what is asked for each name; without names, list everything."""
    if arguments.action != "list" and not arguments.names:
        raise UsageError(f"name what to {arguments.action}: {', '.join(_known())}")
    if arguments.to and arguments.action != "fetch":
        raise UsageError("--to names the folder to fetch into; it has no meaning here")
    wanted = [entry for name in arguments.names or _known() for entry in _entries(name)]
    wanted = list(dict.fromkeys(wanted))  # sets share some
    if arguments.action == "list":
        print(_as_json(wanted) if arguments.json else _as_table(wanted))
        return
    if arguments.action == "path":
        print("\n".join(str(_path(name)) for name in wanted))
        return
    for name in wanted:
        options.speaker(arguments)(str(_fetch(name, arguments)))


def _sources() -> list[Source]:
    return [cast(Source, importlib.import_module(name)) for name in SOURCES]


def _known() -> list[str]:
    return [name for source in _sources() for name in [*source.SETS, *_table(source)]]


def _table(source: Source) -> dict[str, Any]:
    return {model.name: model for model in source.MODELS}


def _entries(name: str) -> tuple[str, ...]:
    """The entries that a name stands for. Raises UsageError."""
    for source in _sources():
        if name in source.SETS:
            return source.SETS[name]
        if name in _table(source):
            return (name,)
    raise UsageError(f"unknown model {name!r}; known: {', '.join(_known())}")


def _source(name: str) -> Source:
    return next(source for source in _sources() if name in _table(source))


def _path(name: str) -> Path:
    path = _source(name).locate(name)
    if path is None:
        raise ModelError(f"{name} is not here; run `animate models fetch {name}`")
    return path


def _fetch(name: str, arguments: argparse.Namespace) -> Path:
    try:
        with _bar(name, quiet=arguments.quiet) as progress:
            (path,) = _source(name).fetch(name, arguments.to, progress=progress)
    except KeyboardInterrupt:
        line = "animate models: interrupted; what came is kept, the same command goes on there"
        print(line, file=sys.stderr)
        raise SystemExit(128 + signal.SIGINT) from None
    return path


@contextlib.contextmanager
def _bar(name: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bars = Progress(*Progress.get_default_columns()[:2], *columns, console=Console(file=sys.stderr))
    with bars:
        task = bars.add_task(f"Fetching {name}", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total or None)


def _as_json(names: Sequence[str]) -> str:
    rows = []
    for name in names:
        source = _source(name)
        model, path = _table(source)[name], source.locate(name)
        facts = {key: getattr(model, key, None) for key in FACTS}
        place = None if path is None else str(path)
        rows.append({"name": name, **facts, "urls": list(model.urls), "path": place})
    sets = {name: list(parts) for source in _sources() for name, parts in source.SETS.items()}
    return json.dumps({"models": rows, "sets": sets}, indent=2)


def _as_table(names: Sequence[str]) -> str:
    """Two lines a model, then the sets."""
    width = max(len(name) for name in names)
    lines = []
    for name in names:
        source = _source(name)
        model = _table(source)[name]
        size = "?" if model.size is None else f"{model.size / 1e6:.0f}"
        where = source.locate(name) or "not here"
        lines.append(f"{name:<{width}}  {size:>4} MB  {model.licence}  {where}")
        lines.append(f"{'':<{width}}  {model.purpose}")
        if source.locate(name) is None and getattr(model, "steps", None):
            lines.append(f"{'':<{width}}  {model.steps}")
    lines += ["", "Sets, to be fetched together:"]
    for source in _sources():
        lines += [f"  {name:<{width}}{' + '.join(parts)}" for name, parts in source.SETS.items()]
    return "\n".join(lines)
