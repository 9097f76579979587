"""Make a still character move like the person in a video.

Contents
    animate         a driving video and a reference picture -> Result   api
    control_image   control maps and a prompt -> pictures               stills
    upscale         a picture -> the same, up to four times as large    enlarge
    evaluate        how good a result is: motion, character, time       judge
    Result          frames, poses, settings, save()                     result
    Settings        everything that can be chosen                       config
    AnimateError    root of the errors                                  errors
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animate.api import animate
    from animate.config import Settings
    from animate.enlarge import upscale
    from animate.errors import AnimateError
    from animate.judge.films import evaluate
    from animate.result import Result
    from animate.stills import control_image

__version__ = "0.1.0"

_HOMES = {
    "AnimateError": "errors",
    "Result": "result",
    "Settings": "config",
    "animate": "api",
    "control_image": "stills",
    "evaluate": "judge",
    "upscale": "enlarge",
}

__all__ = [
    "AnimateError",
    "Result",
    "Settings",
    "animate",
    "control_image",
    "evaluate",
    "upscale",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: `animate --help` must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
