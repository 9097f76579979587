"""The command that does what was done on the page: settings as words of a command line."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from animate.checks import option
from animate.config import Settings


def command_line(driving: str, ref: str, settings: Settings, words: Sequence[str] = ()) -> str:
    """`animate DRIVING --ref REF` with what differs from the defaults, for a shell.

    words: options that are no settings.
    """
    # A name that begins with a dash would be an option.
    named = driving if not driving.startswith("-") else f"./{driving}"
    return shlex.join(["animate", named, f"--ref={ref}", *setting_words(settings), *words])


def setting_words(settings: Settings) -> Iterator[str]:
    """Options of the plain command for all settings that are not the defaults."""
    usual = Settings()
    for field in fields(Settings):
        value = getattr(settings, field.name)
        if value != getattr(usual, field.name):
            yield from _words(field.name, value)


def _words(name: str, value: Any) -> Iterator[str]:
    if name == "lora":
        for file, scale in value:
            yield f"--lora={file}:{scale!r}"
    elif value is True:
        yield option(name)
    elif value is False:
        yield f"--no-{option(name)[2:]}"
    else:
        yield f"{option(name)}={_text(name, value)}"


def _text(name: str, value: Any) -> str:
    """A value as its option takes it."""
    if not isinstance(value, tuple):
        return str(value)
    between = {"size": "x", "guidance": ":"}.get(name, ",")
    return between.join(map(str, value))
