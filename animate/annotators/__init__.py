"""Control maps: made of pictures and films, told from photographs, read from files.

Contents
    KINDS, kind_of      what a map of each kind looks like              kinds
    read_map, fit_map   maps from outside, of any size and mode         maps
"""

from __future__ import annotations

from animate.annotators.kinds import KINDS, Kind, kind_of
from animate.annotators.maps import fit_map, read_map

__all__ = ["KINDS", "Kind", "fit_map", "kind_of", "read_map"]
