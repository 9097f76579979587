"""From surface points to a picture: paint, light, ambient occlusion and smooth edges."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .background import backdrop, floor_shadow
from .camera import Camera
from .character import Character, Scene
from .face import face_colours, paint_face
from .frames import FRAMES, Skeleton
from .linalg import Array, unit
from .march import Hits
from .paint import encode, paint_table, pattern_weight
from .pose import Pose
from .primitives import MATERIALS, PART_OF_GROUP, Shapes

SKIN_LIKE = np.isin(list(MATERIALS), ("skin", "face", "hand", "neck"))
CLOTH = np.isin(list(MATERIALS), ("top", "sleeve", "bottom", "leg"))
TROUSERED = np.isin(list(MATERIALS), ("top", "bottom"))
TRUNK = np.isin(list(FRAMES), ("pelvis", "chest", "thighL", "thighR"))
HEM_SHADOW = 0.018  # metres below the hem of a hanging top that lie in its shadow
BELT_HALF = 0.016
HANGING = 0.02  # a hem below this hangs, one above is tucked in
WRINKLE = 0.10
WARM = np.array([1.03, 1.0, 0.95], dtype=np.float32)
COOL = np.array([0.96, 1.0, 1.05], dtype=np.float32)
BLOOD = np.array([0.10, -0.02, -0.04], dtype=np.float32)
OCCLUSION = ((0.012, 20.0), (0.05, 5.0))  # metres around a point, strength


def shade(
    hits: Hits,
    shapes: Shapes,
    skeleton: Skeleton,
    poses: Pose,
    characters: Sequence[Character],
    camera: Camera,
) -> tuple[Array, Array]:
    """Pictures (N, H, W, 3) in linear light and part ids (N, H, W) uint8."""
    size = camera.height * camera.width
    body, group = hits.pixel // size, shapes.group[hits.shape]
    points = _points(hits, camera)
    albedo, gloss, normal = _surface(hits, shapes, skeleton, poses, characters, camera, points)
    depth = np.full(len(characters) * size, np.inf, dtype=np.float32)
    depth[hits.pixel] = hits.depth
    pictures = depth.reshape(-1, camera.height, camera.width)
    occlusion = np.concatenate([_occlusion(p, camera).reshape(-1) for p in pictures])[hits.pixel]
    skin = SKIN_LIKE[shapes.material[hits.shape]]
    colour = _light(
        albedo, normal, points, occlusion, gloss, skin, body, [c.scene for c in characters], camera
    )
    image = _backgrounds(skeleton, characters, camera)
    image.reshape(-1, 3)[hits.pixel] = colour
    parts = np.zeros(len(depth), dtype=np.uint8)
    parts[hits.pixel] = PART_OF_GROUP[group]
    return image, parts.reshape(pictures.shape)


def _points(hits: Hits, camera: Camera) -> Array:
    column = hits.pixel % camera.width
    row = hits.pixel // camera.width % camera.height
    pixels = np.stack([column + 0.5, row + 0.5], -1)
    return camera.unproject(pixels, hits.depth).astype(np.float32)


def _surface(
    hits: Hits, shapes: Shapes, skeleton: Skeleton, poses: Pose, characters: Sequence[Character],
    camera: Camera, points: Array,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Albedo (S, 3), gloss (S,) and normals (S, 3), with patterns, wrinkles and the face."""
    unique = list({id(c): c for c in characters}.values())
    number = {id(c): i for i, c in enumerate(unique)}
    body, frame = shapes.body[hits.shape], shapes.frame[hits.shape]
    who = np.array([number[id(c)] for c in characters])[body]
    material, crease = _dress(hits, shapes, skeleton, characters, points)
    table = paint_table(unique)
    height = skeleton.build["height"].astype(np.float32)[body]
    matrix = skeleton.axes.astype(np.float32)[body, frame]
    offset = points - skeleton.origin.astype(np.float32)[body, frame]
    local = np.matmul(offset[:, None], matrix)[:, 0] / height[:, None]
    albedo, gloss = table.colour[who, material], table.gloss[who, material]
    pixel = (hits.depth / camera.focal).astype(np.float32)
    pattern = table.pattern[who, material]
    weight = pattern_weight(pattern, local, frame, table.scale[who, material], pixel)
    albedo = albedo + (table.second[who, material] - albedo) * weight[:, None]
    albedo *= crease[:, None]
    hair = np.flatnonzero(material == MATERIALS["hair"])
    albedo[hair] *= _strands(local[hair], pixel[hair])[:, None]
    face = np.flatnonzero(material == MATERIALS["face"])
    size = (skeleton.build["head"] * skeleton.build["height"])[body[face]]
    colours = face_colours(characters, poses).take(body[face])
    albedo[face] = paint_face(
        local[face] * (height[face] / size)[:, None], albedo[face], colours, pixel[face] / size
    )
    normal = _wrinkled(hits.normal, local, matrix, CLOTH[material])
    return albedo, gloss, normal


def _dress(
    hits: Hits, shapes: Shapes, skeleton: Skeleton, characters: Sequence[Character], points: Array
) -> tuple[Array, Array]:
    """Materials (S,), with top and bottom parted by a level line, and its shadow (S,) in 0-1.

    The blended shapes of hips and belly would part along a curve; cloth is cut straight.
    """
    material = shapes.material[hits.shape].copy()
    crease = np.ones(len(material), dtype=np.float32)
    at = np.flatnonzero(TRUNK[shapes.frame[hits.shape]] & TROUSERED[material])
    body = shapes.body[hits.shape[at]]
    pelvis = FRAMES["pelvis"]
    above = np.einsum(
        "nj,nj->n", points[at] - skeleton.origin[body, pelvis], skeleton.axes[body, pelvis, :, 1]
    )
    above = above / skeleton.build["height"][body]
    hem = np.array([c.outfit.hem for c in characters])[body]
    material[at] = np.where(above > hem, MATERIALS["top"], MATERIALS["bottom"])
    belted = np.array([c.outfit.belt for c in characters])[body]
    material[at[belted & (np.abs(above - hem) < BELT_HALF)]] = MATERIALS["belt"]
    below = np.clip((hem - above) / HEM_SHADOW, 0, 1)
    crease[at] = np.where((above < hem) & (hem < HANGING) & ~belted, 0.6 + 0.4 * below, 1.0)
    return material, crease


def _strands(local: Array, pixel: Array) -> Array:
    """Brightness of hair along its strands, fading where they are thinner than a pixel."""
    x, y, z = local.T
    around = np.arctan2(x, y + 0.05) * 40
    wave = 0.5 * np.sin(2.3 * around + 2.5 * np.sin(z * 31)) + 0.5 * np.sin(
        1.3 * around + 4 * np.sin(y * 19 + z * 23)
    )
    return np.asarray(1 + 0.28 * wave * np.clip(0.010 / np.maximum(pixel, 1e-6) - 1.0, 0, 1))


def _wrinkled(normal: Array, local: Array, matrix: Array, cloth: Array) -> Array:
    at = np.flatnonzero(cloth)
    q = local[at]
    phase = q[:, 1] * 38 + 4 * np.sin(q[:, 0] * 19 + 1) + 3 * np.sin(q[:, 1] * 11 + q[:, 0] * 7)
    bump = np.stack([0.4 * np.cos(phase * 0.7), np.cos(phase), 0 * phase], -1) * WRINKLE
    normal = normal.copy()
    normal[at] = unit(normal[at] + np.matmul(matrix[at], bump[..., None])[..., 0])
    return normal


def _occlusion(depth: Array, camera: Camera) -> Array:
    """Light (H, W) that reaches creases, from how far the depth lies behind its surroundings."""
    seen = np.isfinite(depth)
    if not seen.any():
        return np.ones_like(depth)
    filled = np.where(seen, depth, 0.0).astype(np.float32)
    weight = seen.astype(np.float32)
    open_ = np.ones_like(depth)
    for radius, strength in OCCLUSION:
        sigma = radius * camera.focal / camera.distance
        if sigma < 0.6:
            continue
        around = _blur(filled, sigma) / (_blur(weight, sigma) + 1e-4)
        open_ *= np.exp(-strength * np.clip(filled - around, 0, radius))
    return open_


def _blur(image: Array, sigma: float) -> Array:
    """Gaussian blur; wide ones are made on a smaller picture."""
    factor = max(int(sigma // 5), 1)
    if factor == 1:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma))
    height, width = image.shape
    size = -(-width // factor), -(-height // factor)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _light(
    albedo: Array, normal: Array, points: Array, occlusion: Array, gloss: Array, skin: Array,
    body: Array, scenes: Sequence[Scene], camera: Camera,
) -> Array:  # fmt: skip
    lamp = unit(np.array([s.light for s in scenes])).astype(np.float32)[body]
    ambient, key, rim = (
        np.array([getattr(s, n) for s in scenes], dtype=np.float32)[body]
        for n in ("ambient", "key", "rim")
    )
    view = unit(camera.position.astype(np.float32) - points)
    facing = (normal * lamp).sum(-1)
    wrap = np.where(skin, np.float32(0.25), np.float32(0.10))
    diffuse = np.clip((facing + wrap) / (1 + wrap), 0, 1) * key * (0.35 + 0.65 * occlusion)
    sky = ambient * (0.62 + 0.38 * normal[:, 1]) + 0.10 * np.clip(normal[:, 2], 0, 1)
    light = diffuse[:, None] * WARM + (sky * occlusion)[:, None] * COOL
    half = np.clip((normal * unit(lamp + view)).sum(-1), 0, 1)
    squared = half * half
    fourth = squared * squared
    twelfth = fourth * fourth * fourth
    twentieth = twelfth * fourth * fourth
    sixtieth = twentieth * twentieth * twentieth
    shine = np.where(skin, 0.06 * twentieth, gloss * twelfth + gloss * 2 * sixtieth)
    away = 1 - np.clip((normal * view).sum(-1), 0, 1)
    edge = rim * away * away * away
    colour = albedo * (light + edge[:, None]) + (shine * occlusion)[:, None]
    # light that went under the skin comes out red where the lit side ends
    blood = np.exp(-np.square(facing / 0.35)) * skin
    return np.asarray(colour * (1 + blood[:, None] * BLOOD))


def _backgrounds(skeleton: Skeleton, characters: Sequence[Character], camera: Camera) -> Array:
    images = np.empty((len(characters), camera.height, camera.width, 3), dtype=np.float32)
    for i, character in enumerate(characters):
        scene = character.scene
        images[i] = backdrop(scene, camera)
        shadow = floor_shadow(scene, camera, skeleton, i)
        if shadow is not None:
            images[i] *= shadow[..., None]
    return images


def develop(image: Array, parts: Array, factor: int) -> tuple[Array, Array]:
    """Linear pictures (N, H, W, 3) and parts to sRGB uint8 at 1 / `factor` of the size.

    Without supersampling the outlines are softened instead, which hides most of the jaggies.
    """
    if factor > 1:
        size = image.shape[2] // factor, image.shape[1] // factor
        small = [cv2.resize(np.minimum(i, 1.5), size, interpolation=cv2.INTER_AREA) for i in image]
        middle = factor // 2
        return encode(np.stack(small)), parts[:, middle::factor, middle::factor]
    pictures = [_soften(i, p) for i, p in zip(image, parts, strict=True)]
    return encode(np.stack(pictures)), parts


def _soften(image: Array, parts: Array) -> Array:
    edge = np.zeros(parts.shape, dtype=bool)
    down, across = parts[1:] != parts[:-1], parts[:, 1:] != parts[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    blurred = cv2.GaussianBlur(image, (3, 3), 0.65)
    return np.asarray(np.where(edge[..., None], blurred, image))
