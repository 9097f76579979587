"""From films and photographs to a data set: each step is noted, so that a run can go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from animate.errors import OutputError
from animate.files import refuse_links
from animate.journal import lock_file
from animate.progress import Progress, ignore
from animate.training.prepare.captions import caption_for, read_captions
from animate.training.prepare.entry import (
    ENTRIES,
    SOURCES,
    STATE,
    WAITING,
    Entry,
    noted,
    read_entries,
)
from animate.training.prepare.examine import examine
from animate.training.prepare.index import (
    CLIPS,
    FILE,
    POSES,
    THUMBS,
    Row,
    read_index,
    write_index,
)
from animate.training.prepare.plan import Plan
from animate.training.prepare.registry import annotator
from animate.training.prepare.report import summary, write_report
from animate.training.prepare.rules import breaches
from animate.training.prepare.shards import clear, pack
from animate.training.prepare.sources import Source, find_files, identify
from animate.training.prepare.survey import survey
from animate.training.prepare.work import share


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A data set that is complete: its rows, and all that was looked at."""

    folder: Path
    rows: list[Row]
    entries: list[Entry]

    def lines(self) -> list[str]:
        """For people."""
        return summary(self.entries)


def prepare(
    given: Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    plan: Plan | None = None,
    *,
    workers: int = 1,
    shards: bool = False,
    progress: Progress = ignore,
) -> Prepared:
    """Cut films into clips, keep those that pass the rules with their keypoints, and tell why not.

    given: films, photographs, and folders of them. What the folder holds already is kept, and
    added to; a run that was stopped goes on, with an equal result. workers: processes; more than
    one must find annotators and captioners without the caller's own code. shards: into tars.
    Raises AnimateError and pose.PoseError; files that cannot be read are dropped and told.
    """
    plan, folder = plan or Plan(), Path(folder)
    for name in plan.annotators:
        annotator(name)
    captions = read_captions(plan.captions)
    files = find_files([Path(path) for path in given], folder)
    _make_folders(folder)
    refuse_links(folder / STATE, tuple(Path(name).name for name in (SOURCES, ENTRIES, WAITING)))
    with lock_file(folder / STATE / "lock"):
        _clean(folder)
        plan.agree(folder)
        return _prepare(files, folder, plan, captions, workers, shards, progress)


def _prepare(
    files: list[Path],
    folder: Path,
    plan: Plan,
    captions: dict[str, str],
    workers: int,
    shards: bool,
    progress: Progress,
) -> Prepared:
    sources, doubled = _identify(files, lambda done, total: progress("identify", done, total))
    known = noted(folder, SOURCES)
    share(
        partial(survey, folder, plan),
        [source for source in sources if source.name not in known],
        workers,
        lambda done, total: progress("survey", done, total),
    )
    surveyed = _all(folder, SOURCES)
    known = noted(folder, ENTRIES)
    share(
        partial(examine, folder, plan),
        [entry for entry in surveyed if entry.file and entry.name not in known],
        workers,
        lambda done, total: progress("examine", done, total),
    )
    entries = [entry for entry in surveyed if not entry.file] + _all(folder, ENTRIES) + doubled
    rows = _rows(folder, entries, captions, plan)
    if shards:
        rows = pack(folder, rows)
    write_index(folder, rows)
    if shards:
        clear(folder, rows)
    by_name = {row.name: row for row in rows}
    entries = [replace(e, row=by_name.get(e.name)) if e.row else e for e in entries]
    write_report(folder, entries, plan.limits)
    return Prepared(folder=folder, rows=rows, entries=entries)


def _make_folders(folder: Path) -> None:
    try:
        for name in (SOURCES, ENTRIES, WAITING, CLIPS, POSES, THUMBS):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror or error}") from error


def _clean(folder: Path) -> None:
    """Remove what a killed run had not finished writing."""
    for path in folder.rglob(".*.partial*"):
        path.unlink(missing_ok=True)


def _identify(
    files: list[Path], tell: Callable[[int, int], None]
) -> tuple[list[Source], list[Entry]]:
    """The sources, and entries for files that are equal to one of them."""
    sources: dict[str, Source] = {}
    digests: dict[str, Path] = {}
    doubled = []
    for number, path in enumerate(files, start=1):
        source = identify(path)
        digest = source.name.rpartition("-")[2]
        if digest in digests:
            figures = {"single": 0.0}
            entry = Entry(name=f"{source.name}-double", source=str(path), figures=figures)
            reason = f"as {digests[digest]}"
            doubled.append(replace(entry, breaches=breaches(figures, {}), reason=reason))
        else:
            digests[digest], sources[source.name] = path, source
        tell(number, len(files))
    return list(sources.values()), doubled


def _all(folder: Path, kind: str) -> list[Entry]:
    return [entry for path in noted(folder, kind).values() for entry in read_entries(path)]


def _rows(folder: Path, entries: list[Entry], captions: dict[str, str], plan: Plan) -> list[Row]:
    """The rows of what is kept, with the captions of now and the shards of before."""
    before = {row.name: row for row in read_index(folder)} if (folder / FILE).exists() else {}
    rows = []
    for entry in entries:
        if entry.row is None:
            continue
        given = caption_for(Path(entry.source), captions)
        row = replace(entry.row, caption=given or entry.row.caption)
        old = before.get(row.name)
        rows.append(replace(row, shard=old.shard, members=old.members) if old else row)
    return rows
