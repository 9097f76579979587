"""Whole-body poses of a video: read, track, fit to a reference, draw. Works without torch."""

from __future__ import annotations

from pose.draw import draw
from pose.errors import AlignError, BackendError, NoPersonError, PoseError, VideoError
from pose.skeleton import PoseSequence, insert_neck

__all__ = [
    "AlignError",
    "BackendError",
    "NoPersonError",
    "PoseError",
    "PoseSequence",
    "VideoError",
    "draw",
    "insert_neck",
]
