"""What a job is: inputs, output, and options as the command knows them."""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from animate.config import Settings
from animate.errors import UsageError

# Options of the plain command that are no part of a job: its parser has them for itself, or the
# batch decides them for all jobs.
NOT_IN_JOBS = ("help", "driving", "ref", "output", "force", "plan", "resume")
# What decides which poses are found in a film; jobs that agree in it share them.
TRACKING = ("fps", "stride", "frames", "person", "smooth", "pose_backend", "device")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One clip to make. `output` is a path or a URL of fsspec and no two jobs have the same.

    line: in the manifest. words: the command's options, such as ("--steps=2", "--no-audio").
    """

    line: int
    driving: str
    ref: str
    output: str
    words: tuple[str, ...] = ()

    @property
    def options(self) -> argparse.Namespace:
        """The options with the command's defaults. Raises UsageError for words it refuses."""
        return _parse(self.words)

    @property
    def settings(self) -> Settings:
        """The options that are settings, checked. Raises UsageError."""
        from animate.commands.options import settings

        return settings(self.options)

    @property
    def content(self) -> str:
        """A text that is equal for jobs that make the same clip."""
        return json.dumps([self.driving, self.ref, self.words])

    @property
    def tracking(self) -> str:
        """A name of the poses that the job needs: of the film as it lies there, and how it is read.

        Raises OSError if the film is not there.
        """
        film, settings = Path(self.driving), self.settings
        facts = [film.stat().st_mtime_ns, film.stat().st_size]
        how = [getattr(settings, name) for name in TRACKING]
        text = json.dumps([str(film.resolve()), facts, how], default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def job_from(values: dict[str, Any]) -> Job:
    """The job of `Job.to_dict`, as it comes back from JSON."""
    return Job(**{**values, "words": tuple(values["words"])})


@dataclass(frozen=True)
class Problem:
    """What is wrong with a line of the manifest; job: the one that it ends, if it is one alone."""

    line: int
    text: str
    job: Job | None = None


class _Parser(argparse.ArgumentParser):
    """Complains by an exception."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


@cache
def _parser() -> _Parser:
    from animate.commands import video

    parser = _Parser(add_help=False, allow_abbrev=False)
    video.add_arguments(parser)
    return parser


@cache
def _parse(words: tuple[str, ...]) -> argparse.Namespace:
    return _parser().parse_args(["-", "--ref=-", *words])


@cache
def actions() -> dict[str, argparse.Action]:
    """The options that a job may have, by their long names without dashes: `no-audio`, `steps`."""
    return {
        option[2:]: action
        for action in _parser()._actions
        if action.dest not in NOT_IN_JOBS
        for option in action.option_strings
        if option.startswith("--")
    }
