"""Sphere tracing of placed primitives over flat (pixel, primitive) pairs, batched over bodies.

Inside a group primitives join by a smooth minimum of compact support (Quilez, "smooth minimum",
quadratic polynomial, extended to many terms); between groups the nearest wins.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from .camera import Camera
from .candidates import FAR, candidates, take, true
from .linalg import Array
from .primitives import BLEND, Shapes

STEPS = 40
CLOSE = 0.30  # a ray has arrived within this part of a pixel
GIVE_UP = 3.0  # and in the last step within this part
SHRINK = 0.55  # finished rays leave the lists when fewer than this part is left
MOST = 1.6  # limit of the smooth minimum's bulge, in quarters of the blend radius


@dataclass(frozen=True)
class Hits:
    """The S surface points seen, one for each covered pixel."""

    pixel: Array  # (S,) int64, index into (N, H, W)
    depth: Array  # (S,) metres along the view
    normal: Array  # (S, 3) towards the outside
    shape: Array  # (S,) index of the nearest primitive


@dataclass
class _Pairs:
    """Q pairs sorted by pixel and group; U pixels, G segments of one group in one pixel."""

    shape: Tensor  # (Q,)
    pixel: Tensor  # (Q,) into U
    segment: Tensor  # (Q,) into G
    base: Tensor  # (3, Q) position in the cone's space where the depth is 0
    slope: Tensor  # (3, Q) and its change per metre of depth
    scale: Tensor  # (3, Q) gradient lengths of the warp
    size: Tensor  # (4, Q) length, 1 / length, first radius, change of radius

    def keep(self, mask: Tensor, pixels: Tensor, segments: Tensor) -> _Pairs:
        index = true(mask)
        kept = {f.name: getattr(self, f.name).index_select(-1, index) for f in fields(self)}
        kept["pixel"] = take(pixels, kept["pixel"])
        kept["segment"] = take(segments, kept["segment"])
        return _Pairs(**kept)


def march(shapes: Shapes, camera: Camera, steps: int = STEPS) -> Hits:
    """Find what each pixel sees; pixel indices count the bodies' pictures one after the other."""
    with torch.no_grad():
        return _march(shapes, camera, steps)


def surfaces(hits: Hits, camera: Camera, count: int) -> tuple[Array, Array]:
    """Depth (N, H, W), inf where nothing is, and normals (N, H, W, 3) of `count` pictures."""
    depth = np.full(count * camera.height * camera.width, np.inf, dtype=np.float32)
    normals = np.zeros((len(depth), 3), dtype=np.float32)
    depth[hits.pixel], normals[hits.pixel] = hits.depth, hits.normal
    shape = (count, camera.height, camera.width)
    return depth.reshape(shape), normals.reshape(*shape, 3)


def _march(shapes: Shapes, camera: Camera, steps: int) -> Hits:
    shape, pixel, near = candidates(shapes, camera)
    if not len(shape):
        empty = np.zeros(0, dtype=np.int64)
        return Hits(empty, np.zeros(0), np.zeros((0, 3)), empty)
    groups = len(BLEND)
    key, order = torch.sort(pixel * groups + take(torch.from_numpy(shapes.group), shape))
    shape, near = take(shape, order), take(near, order)
    segments, segment = torch.unique_consecutive(key, return_inverse=True)
    pixel_of_segment = torch.div(segments, groups, rounding_mode="floor")
    pixels, segment_pixel = torch.unique_consecutive(pixel_of_segment, return_inverse=True)
    blend = take(torch.tensor(list(BLEND.values()), dtype=torch.float32), segments % groups)
    x, y, stretch = _rays(pixels, camera)
    pairs = _gather(shapes, camera, shape, take(segment_pixel, segment), segment, x, y)
    start = torch.full((len(pixels),), FAR).scatter_reduce(0, pairs.pixel, near, "amin")
    depth, hit = _trace(pairs, segment_pixel, blend, start, stretch, camera, steps)
    return _finish(pairs, segment_pixel, blend, depth, hit, pixels, shapes)


def _rays(pixels: Tensor, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
    row = torch.div(pixels, camera.width, rounding_mode="floor") % camera.height
    x = ((pixels % camera.width).float() + 0.5 - camera.width / 2) / camera.focal
    y = -(row.float() + 0.5 - camera.height / 2) / camera.focal
    return x, y, torch.sqrt(1 + x * x + y * y)


def _by_axis(shapes: Shapes) -> Tensor:
    """The warps as (world axis, cone axis, P)."""
    return torch.from_numpy(np.ascontiguousarray(shapes.warp.T)).float()


def _gather(
    shapes: Shapes, camera: Camera, shape: Tensor, pixel: Tensor, segment: Tensor,
    x: Tensor, y: Tensor,
) -> _Pairs:  # fmt: skip
    warp = torch.from_numpy(shapes.warp).float()
    offset = torch.from_numpy(camera.position - shapes.start).float()
    base = torch.einsum("pij,pj->ip", warp, offset)
    columns = take(_by_axis(shapes), shape)
    slope = columns[0] * take(x, pixel) + columns[1] * take(y, pixel) - columns[2]
    length = shapes.length
    size = np.stack(
        [
            length,
            1 / np.maximum(length, 1e-6),
            shapes.radius0,
            shapes.radius1 - shapes.radius0,
        ]
    )
    return _Pairs(
        shape,
        pixel,
        segment,
        base.index_select(1, shape),
        slope,
        warp.norm(dim=-1).T.contiguous().index_select(1, shape),
        torch.from_numpy(size).float().index_select(1, shape),
    )


def _distance(pairs: _Pairs, depth: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Signed distance of each pair at its pixel's depth, and the gradient in the cone's space."""
    z = take(depth, pairs.pixel)
    length, inverse, radius, taper = pairs.size
    px = torch.addcmul(pairs.base[0], z, pairs.slope[0])
    py = torch.addcmul(pairs.base[1], z, pairs.slope[1])
    pz = torch.addcmul(pairs.base[2], z, pairs.slope[2])
    along = (py * inverse).clamp_(0, 1)
    py = torch.addcmul(py, along, length, value=-1)
    norm = torch.rsqrt((px * px).addcmul_(py, py).addcmul_(pz, pz).add_(1e-18))
    value = (1 / norm).sub_(radius).addcmul_(along, taper, value=-1)
    gx, gy, gz = px * norm, py * norm, pz * norm
    sx, sy, sz = pairs.scale
    gradient = ((gx * sx) ** 2).add_((gy * sy) ** 2).add_((gz * sz) ** 2).rsqrt_()
    return value * gradient, gx, gy, gz, gradient


def _union(pairs: _Pairs, distance: Tensor, blend: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Smooth minimum of each segment; also each pair's share and the sum of shares."""
    least = torch.full_like(blend, FAR).scatter_reduce_(0, pairs.segment, distance, "amin")
    near = distance - take(least, pairs.segment)
    share = near.div_(take(blend, pairs.segment)).neg_().add_(1).clamp_(min=0)
    share.square_()
    total = torch.zeros_like(blend).scatter_add_(0, pairs.segment, share)
    return least - blend * 0.25 * (total - 1).clamp(max=MOST), share, total


def _trace(
    pairs: _Pairs, segment_pixel: Tensor, blend: Tensor, start: Tensor, stretch: Tensor,
    camera: Camera, steps: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Walk every ray; finished ones leave the lists. Returns depths (U,) and hits (U,)."""
    depth, hit = start.clone(), torch.zeros(len(start), dtype=torch.bool)
    index, now, far = torch.arange(len(start)), start, start + 2.0
    for step in range(steps):
        distance = _distance(pairs, now)[0]
        joined = _union(pairs, distance, blend)[0]
        ahead = torch.full_like(now, FAR).scatter_reduce_(0, segment_pixel, joined, "amin")
        last = step == steps - 1
        arrived = ahead < (GIVE_UP if last else CLOSE) / camera.focal * now
        alive = ~arrived & (now < far)
        # finished rays stand still, so that it does not matter when they leave the lists
        moved = now + ahead * 0.95 / stretch
        depth[index], hit[index] = torch.where(arrived, moved, now), arrived
        now = torch.where(alive, moved, now)
        left = int(alive.sum())
        if last or not left:
            break
        if left < SHRINK * len(now):
            pixels, keep = torch.cumsum(alive, 0) - 1, take(alive, segment_pixel)
            pairs = pairs.keep(take(alive, pairs.pixel), pixels, torch.cumsum(keep, 0) - 1)
            kept, left_at = true(keep), true(alive)
            segment_pixel, blend = take(pixels, take(segment_pixel, kept)), take(blend, kept)
            index, now, far, stretch = (take(v, left_at) for v in (index, now, far, stretch))
    return depth, hit


def _finish(
    pairs: _Pairs, segment_pixel: Tensor, blend: Tensor, depth: Tensor, hit: Tensor,
    pixels: Tensor, shapes: Shapes,
) -> Hits:  # fmt: skip
    """Normals and materials where rays arrived, from the winning group of each pixel."""
    number, keep = torch.cumsum(hit, 0) - 1, take(hit, segment_pixel)
    pairs = pairs.keep(take(hit, pairs.pixel), number, torch.cumsum(keep, 0) - 1)
    kept, hit_at = true(keep), true(hit)
    segment_pixel, blend = take(number, take(segment_pixel, kept)), take(blend, kept)
    depth = take(depth, hit_at)
    distance, gx, gy, gz, gradient = _distance(pairs, depth)
    joined, share, total = _union(pairs, distance, blend)
    least = torch.full_like(depth, FAR).scatter_reduce_(0, segment_pixel, joined, "amin")
    wins = joined <= take(least, segment_pixel)
    weight = share * (0.02 + share) / (take(total, pairs.segment) + 0.02)
    weight *= take(wins, pairs.segment)
    chosen = true(weight)
    shape, pixel, weight = (take(v, chosen) for v in (pairs.shape, pairs.pixel, weight))
    gx, gy, gz, gradient = (take(v, chosen) for v in (gx, gy, gz, gradient))
    # rows of the inverse warp are the gradients' directions in the world
    columns = take(_by_axis(shapes), shape)
    gradient *= weight
    normal = torch.stack(
        [
            torch.zeros(len(depth)).scatter_add_(
                0, pixel, (c[0] * gx).addcmul_(c[1], gy).addcmul_(c[2], gz).mul_(gradient)
            )
            for c in columns
        ],
        -1,
    )
    best = torch.full_like(depth, -1.0).scatter_reduce_(0, pixel, weight, "amax")
    nearest = torch.zeros(len(depth), dtype=torch.int64)
    first = true(weight >= take(best, pixel))
    nearest[take(pixel, first)] = take(shape, first)
    normal = normal / normal.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    seen = take(pixels, hit_at)
    return Hits(seen.numpy(), depth.numpy(), normal.numpy(), nearest.numpy())
