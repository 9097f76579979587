"""Whole-body poses of a video: read, track, fit to a reference, draw. Works without torch."""

from __future__ import annotations

from pose.align import align
from pose.draw import draw
from pose.errors import AlignError, BackendError, NoPersonError, PoseError, VideoError
from pose.skeleton import PoseSequence, insert_neck
from pose.track import detect, track
from pose.video import Clip, VideoInfo, load_image, open_video, probe

__all__ = [
    "AlignError",
    "BackendError",
    "Clip",
    "NoPersonError",
    "PoseError",
    "PoseSequence",
    "VideoError",
    "VideoInfo",
    "align",
    "detect",
    "draw",
    "insert_neck",
    "load_image",
    "open_video",
    "probe",
    "track",
]
