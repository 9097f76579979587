"""Where files of this project lie on a user's machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_home() -> Path:
    """The folder that the system, or the user by XDG_CACHE_HOME, sets aside for caches."""
    home = Path(os.path.expanduser("~"))  # unlike Path.home, never raises
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    named = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return named if named.is_absolute() else home / ".cache"  # the XDG rule
