"""Pose estimators behind one protocol."""

from __future__ import annotations

from pose.backends.base import (
    backend_for,
    backend_names,
    open_backend,
    register_backend,
    resolve_backend,
    sees_one,
    version_of,
    with_device,
)
from pose.backends.protocol import Backend, Estimate

__all__ = [
    "Backend",
    "Estimate",
    "backend_for",
    "backend_names",
    "open_backend",
    "register_backend",
    "resolve_backend",
    "sees_one",
    "version_of",
    "with_device",
]
