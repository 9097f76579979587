"""Make a still character move like the person in a video."""

from __future__ import annotations

__version__ = "0.1.0"
