"""Make many videos from a list of jobs, on one machine or many; a killed batch goes on.

animate batch JOBS            run what is not done yet; JOBS is YAML, JSON Lines or CSV
animate batch JOBS --dry-run  check every line and predict the time
animate batch status JOBS     how far it is, also while it runs
animate batch retry JOBS      run again what failed, whatever the reason
animate batch report JOBS     write the report anew
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animate.checks import check_count
from animate.commands import options
from animate.errors import UsageError

if TYPE_CHECKING:
    from animate.batch.engines import Engine
    from animate.batch.record import Record
    from animate.batch.session import Listed

ACTIONS = ("status", "retry", "report")
ENGINES = ("local", "ray")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate batch`."""
    parser.usage = "animate batch [status|retry|report] JOBS [options]"
    parser.add_argument(
        "words", metavar="JOBS", nargs="+", help="a .yaml, .jsonl or .csv file; see docs/batch.md"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, predict the time, and stop"
    )
    parser.add_argument(
        "--set",
        metavar="key=value",
        action="append",
        default=[],
        help="a default for all jobs, in place of the file's own; may be given several times",
    )
    parser.add_argument("--force", action="store_true", help="replace existing outputs")
    parser.add_argument(
        "--retries", type=int, metavar="N", default=3, help="attempts where errors may pass (3)"
    )
    parser.add_argument(
        "--state", type=Path, metavar="FOLDER", help="where the batch keeps its state"
    )
    parser.add_argument("--json", action="store_true", help="print events or figures as JSON")
    report = parser.add_argument_group("report")
    report.add_argument("-o", "--output", type=Path, metavar="PAGE.html", help="where it goes")
    report.add_argument(
        "--threshold", type=float, metavar="S", help="share of joints that should be right (0.7)"
    )
    _add_engine(parser)


def _add_engine(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("who works")
    group.add_argument(
        "--engine", choices=ENGINES, default="local", help="this machine, or a Ray cluster"
    )
    group.add_argument(
        "--address", metavar="HOST:PORT", help="of the cluster (default: the one of this machine)"
    )
    group.add_argument(
        "--workers", type=int, metavar="N", help="how many (one per GPU, one without; ray: all)"
    )
    group.add_argument(
        "--cores", type=int, metavar="N", help="cores for each worker that has no GPU"
    )


def resumable(arguments: argparse.Namespace) -> bool:
    """Whether the same command would go on: a batch always does."""
    return not arguments.dry_run


def run(arguments: argparse.Namespace) -> None:
    """Do what was asked for; SystemExit(1) if a job failed."""
    action, path = _asked(arguments.words)
    for name, least in (("workers", 1), ("cores", 1), ("retries", 0)):
        check_count(name, getattr(arguments, name), at_least=least)
    from animate.batch.session import read_jobs

    listed = read_jobs(path, arguments.set, arguments.state)
    if action == "status":
        _status(arguments, listed)
    elif action == "report":
        _report(arguments, listed)
    elif arguments.dry_run:
        _dry_run(arguments, listed)
    else:
        _run(arguments, listed, again=action == "retry")


def _asked(words: Sequence[str]) -> tuple[str, Path]:
    action = words[0] if words[0] in ACTIONS and len(words) > 1 else "run"
    rest = words[1:] if action != "run" else words
    if len(rest) != 1:
        raise UsageError(f"expected one list of jobs, got {' '.join(rest)}")
    return action, Path(rest[0])


def _run(arguments: argparse.Namespace, listed: Listed, *, again: bool) -> None:
    from animate.batch.session import run_jobs
    from animate.batch.view import Board, Events, Lines, Table

    def view(records: Sequence[Record], workers: int) -> Any:
        board = Board(records, workers)
        if arguments.json:
            return Events(board)
        if sys.stdout.isatty() and not arguments.quiet:
            return Table(board)
        return Lines(board, quiet=arguments.quiet)

    arguments.quiet = arguments.quiet or arguments.json
    say = options.speaker(arguments)
    counts = run_jobs(
        listed,
        lambda scratch: _engine(arguments, scratch),
        view,
        force=arguments.force,
        retries=arguments.retries,
        again=again,
        say=say,
        progress=_checking(arguments),
    )
    if arguments.json:
        told = {"kind": "ended", "counts": counts, "report": str(listed.report_path)}
        print(json.dumps(told), flush=True)
    say(", ".join(f"{number} {state}" for state, number in counts.items() if number))
    if counts["failed"]:
        raise SystemExit(1)


def _checking(arguments: argparse.Namespace) -> Callable[[int, int], None]:
    """A line on a terminal for the check, which opens every film: of hundreds it takes minutes."""
    if arguments.quiet or arguments.json or not sys.stderr.isatty():
        return lambda done, total: None

    def tell(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\rChecking the jobs: {done} of {total}", end=end, file=sys.stderr, flush=True)

    return tell


def _engine(arguments: argparse.Namespace, scratch: Path) -> Engine:
    if arguments.engine == "local":
        if arguments.address is not None:
            raise UsageError("--address belongs to --engine ray")
        from animate.batch.engines.local import LocalEngine

        return LocalEngine(scratch, workers=arguments.workers, threads=arguments.cores)
    from animate.batch.engines.ray import RayEngine

    return RayEngine(
        scratch, address=arguments.address, workers=arguments.workers, cores=arguments.cores
    )


def _dry_run(arguments: argparse.Namespace, listed: Listed) -> None:
    from animate.batch.check import describe
    from animate.batch.session import check_listed
    from animate.batch.worker import default_workers

    checks = check_listed(listed, force=arguments.force, timed=True, progress=_checking(arguments))
    problems = [*listed.problems, *checks.problems]
    if arguments.json:
        told = {
            "problems": [{"line": one.line, "text": one.text} for one in problems],
            "jobs": [
                {**one.job.to_dict(), "frames": one.frames, "seconds": one.seconds}
                for one in checks.good
            ],
            "seconds": checks.seconds,
        }
        print(json.dumps(told, indent=1))
    else:
        workers = arguments.workers or (default_workers() if arguments.engine == "local" else 1)
        print(*describe(checks, listed.problems, workers), sep="\n")
    if problems:
        raise SystemExit(1)


def _status(arguments: argparse.Namespace, listed: Listed) -> None:
    from animate.batch.places import short_names
    from animate.batch.store import Store

    with Store(listed.folder, reading=True) as store:
        counts, records = store.counts(), store.records()
    if arguments.json:
        jobs = [{**asdict(one), "job": one.job.to_dict()} for one in records]
        print(json.dumps({"counts": counts, "jobs": jobs}, indent=1))
        return
    print(", ".join(f"{number} {state}" for state, number in counts.items()))
    names = short_names([record.output for record in records])
    for record in records:
        if record.state in ("running", "failed"):
            print(f"{record.state:<8}{names[record.output]}  {record.error or ''}".rstrip())


def _report(arguments: argparse.Namespace, listed: Listed) -> None:
    from animate.batch.report import THRESHOLD, entries, write_report
    from animate.batch.store import Store

    if arguments.output is not None and arguments.output.suffix not in (".html", ".htm"):
        raise UsageError(f"{arguments.output}: the report's name must end in .html")
    threshold = THRESHOLD if arguments.threshold is None else arguments.threshold
    with Store(listed.folder, reading=True) as store:
        if arguments.json:
            print(json.dumps(entries(store, threshold), indent=1))
            return
        page, data = write_report(store, arguments.output or listed.report_path, threshold)
    options.speaker(arguments)(f"Wrote {page} and {data}")
