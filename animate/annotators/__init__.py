"""Control maps: made of pictures and films, told from photographs, read from files.

Contents
    KINDS, kind_of      what a map of each kind looks like                      kinds
    control_map         a given map, or one made of a picture -> ControlMap     control
    read_map, fit_map   maps from outside, of any size and mode                 maps
    looks_like_map      whether a picture is a map already                      looks
    open_annotator      who makes maps of a kind -> Annotator                   registry
    register_method     offer another way to make them                          registry
    MapSettings         what can be chosen about it                             settings
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animate.annotators.control import ControlMap, control_map
    from animate.annotators.kinds import KINDS, Kind, kind_of
    from animate.annotators.looks import looks_like_map
    from animate.annotators.maps import fit_map, read_map
    from animate.annotators.registry import Annotator, Method, open_annotator, register_method
    from animate.annotators.settings import MapSettings

_HOMES = {
    "KINDS": "kinds",
    "Annotator": "registry",
    "ControlMap": "control",
    "Kind": "kinds",
    "MapSettings": "settings",
    "Method": "registry",
    "control_map": "control",
    "fit_map": "maps",
    "kind_of": "kinds",
    "looks_like_map": "looks",
    "open_annotator": "registry",
    "read_map": "maps",
    "register_method": "registry",
}

__all__ = [
    "KINDS",
    "Annotator",
    "ControlMap",
    "Kind",
    "MapSettings",
    "Method",
    "control_map",
    "fit_map",
    "kind_of",
    "looks_like_map",
    "open_annotator",
    "read_map",
    "register_method",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: `animate annotate --help` must not wait."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
