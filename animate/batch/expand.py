"""From a manifest's rows to jobs: defaults, globs, products of references and driving films."""

from __future__ import annotations

import difflib
import glob
import os
import string
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from pathlib import Path

from animate.batch.jobs import Job, Problem, actions
from animate.batch.manifest import Manifest, Row, Value, Values
from animate.errors import UsageError
from animate.files import is_text

# The keys of a row that are no options of the command.
INPUTS = {"driving": ("driving", "drivings"), "ref": ("ref", "refs")}
OUT = ("out", "output")
PATTERN = "{driving}_{ref}.mp4"  # where a row names no output
PLACEHOLDERS = ("driving", "ref")
FILES = ("base", "controlnext", "unet", "lora")  # options with files, named from the manifest on
TARGETS = ("save-poses", "save-compare")  # options with files to write, which take placeholders
MOST_JOBS = 100_000
MOST_TOLD = 400  # characters of a complaint, which may quote what stands in the line
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def expand(
    manifest: Manifest, extra: Sequence[str] = ()
) -> tuple[tuple[Job, ...], tuple[Problem, ...]]:
    """All jobs in their order, and what is wrong with the lines that give none.

    extra: `key=value` words that replace the manifest's defaults. Relative paths start at the
    manifest's folder. Raises UsageError for words that are no such pair and for too many jobs.
    """
    defaults = {**manifest.defaults, **dict(_pair(word) for word in extra)}
    jobs: dict[str, Job] = {}
    problems = list(manifest.problems)
    for row in manifest.rows:
        try:
            for job in _jobs(Row(row.line, {**defaults, **row.values}), manifest.path.parent):
                if job.output in jobs:
                    first = jobs[job.output].line
                    raise UsageError(
                        f"{job.output} is written by line {first} already; put {{driving}} and "
                        "{ref} into the output's name, or name it yourself"
                    )
                jobs[job.output] = job
                if len(jobs) > MOST_JOBS:
                    raise _TooMany(f"{manifest.path}: more than {MOST_JOBS} jobs; split it")
        except _TooMany:
            raise
        except (UsageError, OSError) as error:  # of the system: a name that it cannot even look up
            problems.append(Problem(row.line, str(error)[:MOST_TOLD]))
    return tuple(jobs.values()), tuple(problems)


class _TooMany(UsageError):
    """The list as a whole is refused."""


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {word!r}: expected key=value, such as steps=4")
    return key.strip().replace("_", "-"), value.strip()


def _jobs(row: Row, folder: Path) -> Iterator[Job]:
    values = dict(row.values)
    drivings = _files(_taken(values, INPUTS["driving"], "driving"), folder)
    refs = _files(_taken(values, INPUTS["ref"], "ref"), folder)
    pattern = _one("out", _taken(values, OUT, "out", PATTERN))
    settings = tuple(_words(values, folder))
    for driving, ref in product(drivings, refs):
        names = {"driving": _stem(driving), "ref": _stem(ref)}
        words = tuple(_filled(word, names, folder) for word in settings)
        output = _target(_fill(pattern, names), folder)
        yield Job(line=row.line, driving=driving, ref=ref, output=output, words=words)


def _stem(name: str) -> str:
    """What a placeholder is filled with, which must stay one part of a path."""
    stem = Path(name).stem
    if stem in ("", ".", ".."):
        raise UsageError(f"{name}: its name without suffix, {stem!r}, would be another folder's")
    return stem


def _taken(values: Values, names: Sequence[str], what: str, otherwise: str | None = None) -> Value:
    given = [values.pop(name) for name in names if name in values]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(names)} mean the same: give one of them")
    if given:
        return given[0]
    if otherwise is None:
        raise UsageError(f"{what} is missing")
    return otherwise


def _one(key: str, value: Value) -> str:
    if isinstance(value, list):
        raise UsageError(f"{key} expects one value, got {len(value)}")
    return value


def _files(value: Value, folder: Path) -> list[str]:
    """The files of names and globs, in order. Raises UsageError for a glob without a file."""
    found: dict[str, None] = {}
    for pattern in [value] if isinstance(value, str) else value:
        placed = _placed(pattern, folder)
        if not glob.has_magic(pattern) or Path(placed).exists():
            found[placed] = None
            continue
        # The manifest's folder may have brackets in its name, which are no pattern.
        here = Path(glob.escape(os.path.abspath(folder)))
        matches = sorted(glob.glob(_placed(pattern, here), recursive=True))
        if not matches:
            raise UsageError(f"{pattern}: no file has such a name")
        for match in matches:
            if not is_text(match):
                raise UsageError(f"{match!a}: the name is no text; rename the file")
        found.update(dict.fromkeys(matches))
    if not found:
        raise UsageError("an empty list names no file")
    return list(found)


def _placed(name: str, folder: Path) -> str:
    """A name as the manifest means it: relative ones start at its folder; URLs stay."""
    if not name or "\0" in name:
        raise UsageError(f"{name!r} is no name of a file")
    return name if "://" in name else os.path.abspath(folder / os.path.expanduser(name))


def _target(name: str, folder: Path) -> str:
    """A name to write to; a relative one must not lead out of the manifest's folder."""
    placed = _placed(name, folder)
    home = os.path.join(os.path.abspath(folder), "")
    relative = "://" not in name and not os.path.isabs(os.path.expanduser(name))
    if relative and not placed.startswith(home):
        raise UsageError(f"{name} leads out of {home}; name the whole path")
    if relative and not _really(os.path.dirname(placed)).startswith(_really(home)):
        raise UsageError(f"{name} leads out of {home} through a link; name the whole path")
    return placed


@lru_cache
def _really(folder: str) -> str:
    """A folder without links, with a separator at its end."""
    return os.path.join(os.path.realpath(folder), "")


def _fill(pattern: str, names: dict[str, str]) -> str:
    """Put the inputs' names into a pattern; no other field, attribute or format is looked up."""
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise UsageError(f"{pattern}: {error}; {{driving}} and {{ref}} can stand in it") from error
    filled = ""
    for text, field, form, conversion in parts:
        filled += text
        if field is None:
            continue
        if field not in PLACEHOLDERS or form or conversion:
            raise UsageError(
                f"{pattern}: {{{field}}} is unknown; {{driving}} and {{ref}} are known"
            )
        filled += names[field]
    return filled


def _filled(word: str, names: dict[str, str], folder: Path) -> str:
    """A word of a job; one that names a file to write gets the inputs' names as the output does."""
    option, _, value = word[2:].partition("=")
    if option not in TARGETS:
        return word
    if "://" in value:
        raise UsageError(f"{option} {value}: of a URL only the video can be written")
    return f"--{option}={_target(_fill(value, names), folder)}"


def _words(values: Values, folder: Path) -> Iterator[str]:
    """The options as the command wants them. Raises UsageError for one that it does not know."""
    known = actions()
    for key, value in values.items():
        if key not in known and f"no-{key}" not in known:
            names = [*(name for names in INPUTS.values() for name in names), *OUT, *known]
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; see animate --help"
            raise UsageError(f"unknown key {key[:80]}{hint}")
        if key not in known or known[key].nargs == 0:
            yield from _flag(key, _one(key, value).lower())
        elif key == "lora":
            for one in [value] if isinstance(value, str) else value:
                yield f"--lora={_placed(one, folder)}"
        elif key in FILES:
            yield f"--{key}={_placed(_one(key, value), folder)}"
        elif key == "model" and (folder / _one(key, value)).is_dir():
            yield f"--model={_placed(_one(key, value), folder)}"
        else:
            yield f"--{key}={_one(key, value)}"


def _flag(key: str, value: str) -> Iterator[str]:
    """A switch: what is on without being asked for has only a --no- form."""
    if value not in (*YES, *NO):
        raise UsageError(f"{key} expects true or false, got {value[:40]!r}")
    word = key if value in YES else f"no-{key}"
    if word in actions():
        yield f"--{word}"
