"""Pose estimators behind one protocol."""

from __future__ import annotations

from pose.backends.base import (
    Backend,
    backend_for,
    backend_names,
    open_backend,
    register_backend,
)

__all__ = ["Backend", "backend_for", "backend_names", "open_backend", "register_backend"]
