"""Pictures of posed characters, with exact ground truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from .body import sculpt_body
from .camera import Camera
from .character import Character
from .frames import pose_skeleton
from .head import sculpt_head
from .keypoints import keypoints, visible
from .linalg import Array
from .march import STEPS, march, surfaces
from .pose import Pose, length, select, stack
from .primitives import BACKGROUND, Sculptor, Shapes, place
from .shade import develop, shade

BATCH = 4  # pictures traced together: enough to share the overhead, few enough for the cache


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """N pictures of one size with their ground truth."""

    frames: Array  # (N, H, W, 3) uint8 RGB
    masks: Array  # (N, H, W) bool, the figure
    parts: Array  # (N, H, W) uint8: 0 background, 1 body, 2 hand, 3 head
    keypoints: Array  # (N, 133, 2) float64 pixels, COCO-WholeBody; (0, 0) is the corner
    scores: Array  # (N, 133) float64
    visible: Array  # (N, 133) bool: inside the picture and not behind something
    depth: Array  # (N, H, W) float32 metres along the view, inf where there is no figure
    normals: Array  # (N, H, W, 3) float32 right, up, towards the camera; 0 where none


def sculpt(character: Character) -> Shapes:
    """The primitives of a character in frame coordinates."""
    sculptor = Sculptor(character.build.girth)
    sculpt_body(sculptor, character)
    sculpt_head(sculptor, character)
    return sculptor.finish()


def render(
    poses: Pose | Sequence[Pose],
    characters: Character | Sequence[Character],
    camera: Camera,
    supersample: int = 1,
    steps: int = STEPS,
) -> Rendering:
    """Render N poses of one character, or of N characters, through one camera.

    `poses` is a batch or a sequence of single poses. Keypoints are geometric: those outside the
    picture or hidden are given all the same, with score 1; `visible` tells them apart.
    """
    batch = poses if isinstance(poses, Pose) else stack(poses)
    count = length(batch)
    people = [characters] * count if isinstance(characters, Character) else list(characters)
    if len(people) != count:
        raise ValueError(f"{count} poses but {len(people)} characters: give one, or as many")
    tables = {id(c): sculpt(c) for c in {id(c): c for c in people}.values()}
    pieces = []
    for start in range(0, count, BATCH):
        chosen = slice(start, start + BATCH)
        shapes = [tables[id(c)] for c in people[chosen]]
        pieces.append(
            _render_batch(select(batch, chosen), people[chosen], shapes, camera, supersample, steps)
        )
    names = [f.name for f in fields(Rendering)]
    return Rendering(**{n: np.concatenate([getattr(p, n) for p in pieces]) for n in names})


def _render_batch(
    poses: Pose, people: Sequence[Character], tables: Sequence[Shapes], camera: Camera,
    supersample: int, steps: int,
) -> Rendering:  # fmt: skip
    fine = camera.scaled(supersample) if supersample > 1 else camera
    skeleton = pose_skeleton(poses, [c.build for c in people])
    shapes = place(tables, skeleton)
    hits = march(shapes, fine, steps)
    image, parts = shade(hits, shapes, skeleton, poses, people, fine)
    frames, parts = develop(image, parts, supersample)
    world = keypoints(skeleton, poses)
    pixels = camera.project(world)
    depth, normals = surfaces(hits, fine, len(people))
    middle = slice(supersample // 2, None, supersample)
    depth, normals = depth[:, middle, middle], normals[:, middle, middle]
    return Rendering(
        frames=frames,
        masks=parts != BACKGROUND,
        parts=parts,
        keypoints=pixels,
        scores=np.ones(pixels.shape[:2]),
        visible=visible(pixels, camera.distance - world[..., 2], depth, skeleton.build),
        depth=depth,
        normals=normals,
    )


def render_clip(
    character: Character,
    motion: Callable[[Array], Pose],
    times: Sequence[float] | Array,
    camera: Camera,
    supersample: int = 1,
    steps: int = STEPS,
) -> Rendering:
    """Render one character in motion at the given times in seconds."""
    return render(
        motion(np.asarray(times, dtype=np.float64)), character, camera, supersample, steps
    )
