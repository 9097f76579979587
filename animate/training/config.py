"""From a YAML file and words such as ``loop.steps=200`` to the settings of a run."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from animate.errors import UsageError
from animate.files import check_nesting, read_text
from animate.training.settings import ModelSettings, StillLoss, TrainSettings, VideoLoss

MOST_BYTES = 1 << 20  # of a file
MOST_REFERENCES = 16  # in it: each may stand for several others
MOST_TOLD = 200  # characters of a value in a complaint


def load_settings(path: Path, words: Sequence[str] = ()) -> TrainSettings:
    """Read a file, let the words replace what it says, and check everything.

    words: `section.key=value`. Raises UsageError that names the file and the key.
    """
    text = read_text(path, MOST_BYTES, "that is no file of settings")
    check_nesting(path, text)
    values = _parsed(text, str(path)) or {}
    if not isinstance(values, dict):
        raise UsageError(f"{path}: expected sections such as data: and loop:, got {_told(values)}")
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"{word!r}: expected section.key=value, such as loop.steps=200")
        _put(values, key.split("."), _parsed(text, repr(word)), word)
    try:
        return settings_from(values)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _parsed(text: str, where: str) -> Any:
    """What YAML says. Raises UsageError, also where references could multiply without end."""
    import yaml

    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        if sum(isinstance(event, yaml.AliasEvent) for event in events) > MOST_REFERENCES:
            raise UsageError(f"{where}: more than {MOST_REFERENCES} references (*name); write out")
        return yaml.safe_load(text)
    # Of dates and numbers that are none, YAML's reader raises Python's own errors.
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:MOST_TOLD]
        raise UsageError(f"{where} cannot be read: {reason}") from error


def settings_from(values: Mapping[str, Any]) -> TrainSettings:
    """Settings from nested mappings. Raises UsageError."""
    model = _build(ModelSettings, values.get("model") or {}, "model")
    loss = VideoLoss if model.family == "svd" else StillLoss
    for name in ("output", "data"):
        if name not in values:
            raise UsageError(f"{name} is missing")
    settings: TrainSettings = _build(TrainSettings, values, "", loss=loss)
    return settings


def _build(kind: type[Any], values: Any, where: str, **chosen: type[Any]) -> Any:
    """Make one section; ``chosen``: which of several kinds a section is of."""
    if not isinstance(values, Mapping):
        raise UsageError(f"{where}: expected keys and values, got {_told(values)}")
    known = [field.name for field in fields(kind)]
    _check_known(values, known, where)
    hints = typing.get_type_hints(kind)
    made = {}
    for name, value in values.items():
        full = f"{where}.{name}" if where else name
        hint = chosen.get(name, hints[name])
        made[name] = (
            _build(hint, value or {}, full)  # type: ignore[arg-type]
            if is_dataclass(hint)
            else _cast(value, hint, full)
        )
    if "loss" in known and "loss" not in made:
        made["loss"] = chosen["loss"]()
    return kind(**made)


def _check_known(values: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            place = f"{where}.{name}" if where else str(name)
            raise UsageError(f"unknown key {place[:80]}{hint} Known: {', '.join(known)}")


def _cast(value: Any, hint: Any, name: str) -> Any:
    """The value as its annotation asks for; YAML reads 1e-5 as a word."""
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in allowed:
        return None
    for kind in allowed:
        if typing.get_origin(kind) is tuple:
            listed = value if isinstance(value, (list, tuple)) else [value]
            return tuple(_cast(one, typing.get_args(kind)[0], name) for one in listed)
        if kind is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
            try:
                return float(value)
            except (ValueError, OverflowError):
                break
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
    words = {float: "a number", int: "a whole number", bool: "true or false", str: "a word"}
    wanted = " or ".join(words.get(kind, "nothing") for kind in allowed)
    raise UsageError(f"{name} expects {wanted}, got {_told(value)}")


def _told(value: Any) -> str:
    """A value in a complaint, however much of it there is."""
    return repr(value)[:MOST_TOLD]


def _put(values: dict[str, Any], path: Sequence[str], value: Any, word: str) -> None:
    for name in path[:-1]:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise UsageError(f"{word!r}: {name} has no keys of its own")
    values[path[-1]] = value
