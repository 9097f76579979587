"""Whole-body poses of a video: read, track, fit to a reference, draw. Works without torch."""

from __future__ import annotations

from pose.align import align
from pose.detect import detect
from pose.draw import draw
from pose.errors import AlignError, BackendError, NoPersonError, PoseError, VideoError
from pose.skeleton import Mark, PoseSequence, insert_neck
from pose.track import track
from pose.video import Clip, VideoInfo, load_image, open_video, probe

__all__ = [
    "AlignError",
    "BackendError",
    "Clip",
    "Mark",
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
