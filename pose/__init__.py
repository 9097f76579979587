"""Whole-body poses of a video: read, track, fit to a reference, draw. Works without torch."""

from __future__ import annotations

from pose.align import align
from pose.backends import register_backend, resolve_backend, with_device
from pose.cache import track_cached
from pose.complete import complete
from pose.detect import detect
from pose.draw import LOOKS, draw
from pose.errors import (
    AlignError,
    BackendError,
    ModelFetchError,
    NoPersonError,
    PoseError,
    PoseFileError,
    VideoError,
)
from pose.files import is_pose_source, load_poses, read_poses, save_openpose, save_poses
from pose.folders import PictureFolder, open_pictures
from pose.identity import Person, parse_person
from pose.overlay import overlay
from pose.puppet import Puppet
from pose.refine import refine
from pose.report import Finding, Preflight, preflight
from pose.skeleton import Mark, PoseSequence, insert_neck
from pose.skeletons import Skeletons, looks_like_skeletons, open_skeletons
from pose.track import track
from pose.video import Clip, VideoInfo, load_image, open_video, probe

__all__ = [
    "LOOKS",
    "AlignError",
    "BackendError",
    "Clip",
    "Finding",
    "Mark",
    "ModelFetchError",
    "NoPersonError",
    "Person",
    "PictureFolder",
    "PoseError",
    "PoseFileError",
    "PoseSequence",
    "Preflight",
    "Puppet",
    "Skeletons",
    "VideoError",
    "VideoInfo",
    "align",
    "complete",
    "detect",
    "draw",
    "insert_neck",
    "is_pose_source",
    "load_image",
    "load_poses",
    "looks_like_skeletons",
    "open_pictures",
    "open_skeletons",
    "open_video",
    "overlay",
    "parse_person",
    "preflight",
    "probe",
    "read_poses",
    "refine",
    "register_backend",
    "resolve_backend",
    "save_openpose",
    "save_poses",
    "track",
    "track_cached",
    "with_device",
]
