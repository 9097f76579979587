"""Walls, floors and the shadows on them, in linear light."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from .camera import Camera
from .character import Scene
from .frames import FRAMES, Skeleton
from .linalg import Array, unit
from .paint import linear
from .places import BUSY

WALL_Z = -1.7  # metres behind the figure
WITH_FLOOR = (
    "room", "spot", "blocks", "stripes", "window", "bricks", "tiles", "shelves", "leaves", "street",
    "clutter",
)  # fmt: skip
# Parts that throw a shadow: from frame, to frame, radius in metres.
LIMB_CASTERS = (
    ("thigh", "shin", 0.075), ("shin", "foot", 0.05), ("upper", "fore", 0.045),
    ("fore", "hand", 0.035), ("hand", "finger7", 0.04), ("foot", "foot", 0.07),
)  # fmt: skip
CASTERS = (
    ("pelvis", "chest", 0.13),
    ("chest", "neck", 0.15),
    ("head", "head", 0.10),
    *((f"{a}{side}", f"{b}{side}", radius) for side in "LR" for a, b, radius in LIMB_CASTERS),
)


@lru_cache(maxsize=8)
def backdrop(scene: Scene, camera: Camera) -> Array:
    """The scene without the figure, (H, W, 3) float32 linear light; not to be changed."""
    rng = np.random.default_rng(scene.seed)
    x, y, on_floor, _ = _room(camera)
    wall, floor, accent = (linear(c) for c in (scene.wall, scene.floor, scene.accent))
    image = np.broadcast_to(wall, (*x.shape, 3)).copy()
    if scene.kind == "fade":
        image += (accent - wall) * np.linspace(0, 1, camera.height)[:, None, None]
    elif scene.kind == "noise":
        image = _clouds(rng, camera, wall, accent)
    elif scene.kind == "blocks":
        image = _blocks(rng, image, x, y, (wall, accent, floor))
    elif scene.kind == "stripes":
        wave = 0.5 + 0.5 * np.sin(x * rng.uniform(6, 16) + y * rng.uniform(-6, 6))
        image += (accent - wall) * (wave * 0.7)[..., None]
    elif scene.kind == "window":
        image = _lights(rng, image, x, y, accent)
    elif scene.kind in BUSY:
        image = BUSY[scene.kind](rng, image, x, y, (wall, accent, floor))
    if scene.kind in WITH_FLOOR:
        image = _lay_floor(scene, image, x, y, on_floor, floor)
    return image.astype(np.float32)


def floor_shadow(scene: Scene, camera: Camera, skeleton: Skeleton, body: int) -> Array | None:
    """Light that still reaches the backdrop past one body, (H, W) in 0-1; None without a floor."""
    if scene.kind not in WITH_FLOOR:
        return None
    x, _, on_floor, z = _room(camera)
    shade = np.ones(x.shape, dtype=np.float32)
    rows = np.flatnonzero(on_floor.any(1))
    if not len(rows):
        return shade
    fx, fz = x[rows], z[rows]
    light = unit(np.array(scene.light))
    slope = np.array([light[0], light[2]]) / max(light[1], 0.25) * 0.8
    darkest = np.zeros(fx.shape, dtype=np.float32)
    contact = np.zeros(fx.shape, dtype=np.float32)
    for a, b, radius in CASTERS:
        start, end = (skeleton.origin[body, FRAMES[name]] for name in (a, b))
        p0 = start[[0, 2]] - slope * start[1]
        p1 = end[[0, 2]] - slope * end[1] + 1e-4
        along = ((fx - p0[0]) * (p1 - p0)[0] + (fz - p0[1]) * (p1 - p0)[1]) / (
            (p1 - p0) @ (p1 - p0)
        )
        along = np.clip(along, 0, 1)
        dx, dz = fx - p0[0] - along * (p1 - p0)[0], fz - p0[1] - along * (p1 - p0)[1]
        away = np.sqrt(dx * dx + dz * dz)
        height = start[1] + along * (end[1] - start[1])
        soft = 0.05 + 0.22 * height
        dark = np.clip(0.5 + (radius - away) / (2 * soft), 0, 1) * (0.62 / (1 + 0.7 * height))
        darkest = np.maximum(darkest, dark)
        if a.startswith("foot"):
            toe = start + skeleton.axes[body, FRAMES[a]][:, 2] * 0.05
            gap = np.hypot((fx - toe[0]) / 0.10, (fz - toe[2]) / 0.16)
            contact = np.maximum(
                contact, 0.65 * np.exp(-(gap**2)) * np.exp(-8 * max(toe[1] - 0.06, 0))
            )
    value = (1 - darkest) * (1 - contact)
    shade[rows] = np.where(on_floor[rows], value, 1.0)
    return shade


@lru_cache(maxsize=8)
def _room(camera: Camera) -> tuple[Array, Array, Array, Array]:
    """Where each pixel meets floor (y = 0) or wall: x, y on the wall, whether floor, z."""
    u = (np.arange(camera.width) + 0.5 - camera.width / 2) / camera.focal
    v = -(np.arange(camera.height) + 0.5 - camera.height / 2) / camera.focal
    u, v = np.meshgrid(u.astype(np.float32), v.astype(np.float32))
    eye = camera.position
    reach = eye[2] - WALL_Z
    height = eye[1] + v * reach
    on_floor = height < 0
    depth = np.where(on_floor, eye[1] / np.maximum(-v, 1e-3), reach)
    return eye[0] + u * depth, height, on_floor, eye[2] - depth


def _lay_floor(
    scene: Scene, image: Array, x: Array, y: Array, on_floor: Array, floor: Array
) -> Array:
    image = np.where(on_floor[..., None], floor, image)
    away = np.where(on_floor, 0.0, (y - 1.4) ** 2)
    light = np.clip(1 - 0.07 * (x + 0.5) ** 2 - 0.06 * away, 0.3, 1.1)
    light = light * (1 - 0.25 * np.exp(-np.abs(y) / 0.12) * ~on_floor)
    if scene.kind == "spot":
        pool = np.exp(-((x / 0.95) ** 2) - np.where(on_floor, 0.0, ((y - 1.0) / 1.5) ** 2))
        light = light * (0.18 + 0.95 * pool)
    return np.asarray(image * light[..., None])


def _clouds(rng: np.random.Generator, camera: Camera, wall: Array, accent: Array) -> Array:
    total = np.zeros((camera.height, camera.width, 3), dtype=np.float32)
    for cells, weight in ((2, 0.5), (6, 0.3), (17, 0.2)):
        grid = rng.random((cells + 1, cells + 1, 3)).astype(np.float32)
        size = (camera.width, camera.height)
        total += weight * cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
    mix = np.clip((total - 0.5) * 2.2 + 0.5, 0, 1)
    return np.asarray(wall * (1 - mix) + accent * mix)


def _blocks(
    rng: np.random.Generator, image: Array, x: Array, y: Array, colours: tuple[Array, ...]
) -> Array:
    """Shelves, posters and doors: rectangles on the wall in related colours."""
    for _ in range(int(rng.integers(4, 11))):
        cx, cy = rng.uniform(-1.6, 1.6), rng.uniform(0.1, 2.4)
        w, h = rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.8)
        inside = np.minimum(w - np.abs(x - cx), h - np.abs(y - cy))
        colour = colours[int(rng.integers(len(colours)))] * rng.uniform(0.4, 1.6)
        image += (colour - image) * np.clip(0.5 + inside / 0.02, 0, 1)[..., None]
    return image


def _lights(rng: np.random.Generator, image: Array, x: Array, y: Array, accent: Array) -> Array:
    """Blurred lights, as a street at night or a stage out of focus."""
    for _ in range(int(rng.integers(8, 20))):
        cx, cy, r = rng.uniform(-1.8, 1.8), rng.uniform(0.2, 2.6), rng.uniform(0.05, 0.22)
        inside = r - np.hypot(x - cx, y - cy)
        glow = np.clip(0.5 + inside / 0.05, 0, 1) * rng.uniform(0.15, 0.6)
        image += accent * rng.uniform(0.5, 1.6, 3) * glow[..., None]
    return image
