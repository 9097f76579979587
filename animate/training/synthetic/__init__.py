"""A procedural dancer: random characters and motions, rendered with exact ground truth."""

from __future__ import annotations

from .camera import Camera
from .caption import caption, colour_name
from .character import Character, Face, Outfit, Paint, Scene
from .frames import Build
from .library import library_motion
from .motion import Motion, random_motion, still
from .people import random_person
from .photograph import Photograph, photograph, random_photograph
from .pose import REST, Pose, batch, select, stack
from .render import Rendering, render, render_clip
from .views import random_camera, random_view
from .wardrobe import random_character

__all__ = [
    "REST",
    "Build",
    "Camera",
    "Character",
    "Face",
    "Motion",
    "Outfit",
    "Paint",
    "Photograph",
    "Pose",
    "Rendering",
    "Scene",
    "batch",
    "caption",
    "colour_name",
    "library_motion",
    "photograph",
    "random_camera",
    "random_character",
    "random_motion",
    "random_person",
    "random_photograph",
    "random_view",
    "render",
    "render_clip",
    "select",
    "stack",
    "still",
]
