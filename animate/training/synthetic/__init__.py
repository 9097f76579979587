"""A procedural dancer: random characters and motions, rendered with exact ground truth."""

from __future__ import annotations

from .camera import Camera
from .character import Character, Face, Outfit, Paint, Scene
from .frames import Build
from .motion import Motion, random_motion, still
from .pose import REST, Pose, batch, select, stack
from .render import Rendering, render, render_clip
from .wardrobe import random_camera, random_character

__all__ = [
    "REST",
    "Build",
    "Camera",
    "Character",
    "Face",
    "Motion",
    "Outfit",
    "Paint",
    "Pose",
    "Rendering",
    "Scene",
    "batch",
    "random_camera",
    "random_character",
    "random_motion",
    "render",
    "render_clip",
    "select",
    "stack",
    "still",
]
