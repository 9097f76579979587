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
from .linalg import Array
from .primitives import BLEND, Shapes

FAR = 1e9
STEPS = 40
CLOSE = 0.30  # a ray has arrived within this part of a pixel
GIVE_UP = 3.0  # and in the last step within this part
MARGIN = 0.6  # part of the blend radius by which the outline of a primitive is widened
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
        index = mask.nonzero().squeeze(1)
        kept = {f.name: getattr(self, f.name).index_select(-1, index) for f in fields(self)}
        kept["pixel"], kept["segment"] = pixels[kept["pixel"]], segments[kept["segment"]]
        return _Pairs(**kept)


def march(shapes: Shapes, camera: Camera, steps: int = STEPS) -> Hits:
    """Find what each pixel sees; pixel indices count the bodies' pictures one after the other."""
    with torch.no_grad():
        return _march(shapes, camera, steps)


def _march(shapes: Shapes, camera: Camera, steps: int) -> Hits:
    shape, pixel, near = _candidates(shapes, camera)
    if not len(shape):
        empty = np.zeros(0, dtype=np.int64)
        return Hits(empty, np.zeros(0), np.zeros((0, 3)), empty)
    groups = len(BLEND)
    key, order = torch.sort(pixel * groups + torch.from_numpy(shapes.group)[shape])
    shape, near = shape[order], near[order]
    segments, segment = torch.unique_consecutive(key, return_inverse=True)
    pixel_of_segment = torch.div(segments, groups, rounding_mode="floor")
    pixels, segment_pixel = torch.unique_consecutive(pixel_of_segment, return_inverse=True)
    blend = torch.tensor(list(BLEND.values()), dtype=torch.float32)[segments % groups]
    x, y, stretch = _rays(pixels, camera)
    pairs = _gather(shapes, camera, shape, segment_pixel[segment], segment, x, y)
    start = torch.full((len(pixels),), FAR).scatter_reduce(0, pairs.pixel, near, "amin")
    depth, hit = _trace(pairs, segment_pixel, blend, start, stretch, camera, steps)
    return _finish(pairs, segment_pixel, blend, depth, hit, pixels, shapes)


def _rays(pixels: Tensor, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
    row = torch.div(pixels, camera.width, rounding_mode="floor") % camera.height
    x = ((pixels % camera.width).float() + 0.5 - camera.width / 2) / camera.focal
    y = -(row.float() + 0.5 - camera.height / 2) / camera.focal
    return x, y, torch.sqrt(1 + x * x + y * y)


def _candidates(shapes: Shapes, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs whose pixel lies within a primitive's outline: shape, global pixel, first depth."""
    width, height, focal = camera.width, camera.height, camera.focal
    z0 = camera.distance - shapes.start[:, 2]
    z1 = camera.distance - shapes.end[:, 2]
    nearest = np.maximum(np.minimum(z0, z1), 0.2)
    blend = np.array(list(BLEND.values()))[shapes.group]
    solid = focal * shapes.reach / nearest
    radius = focal * (shapes.reach + MARGIN * blend) / (nearest - shapes.reach) + 0.7
    a, b = camera.project(shapes.start), camera.project(shapes.end)
    limit = np.array([width, height])
    low = np.clip(np.floor(np.minimum(a, b) - radius[:, None]), 0, limit).astype(np.int64)
    high = np.clip(np.ceil(np.maximum(a, b) + radius[:, None]), 0, limit).astype(np.int64)
    span = np.maximum(high - low, 0)
    count = torch.from_numpy(span[:, 0] * span[:, 1])
    shape = torch.repeat_interleave(torch.arange(len(count)), count)
    local = torch.arange(len(shape)) - (torch.cumsum(count, 0) - count)[shape]
    wide = torch.from_numpy(span[:, 0])[shape]
    down = torch.div(local, wide, rounding_mode="floor")
    corner = torch.from_numpy(low)[shape]
    px, py = corner[:, 0] + local - down * wide, corner[:, 1] + down
    table = np.concatenate([a, b - a, radius[:, None] ** 2, z0[:, None], (z1 - z0)[:, None]], 1)
    t = torch.from_numpy(np.ascontiguousarray(table.T)).float().index_select(1, shape)
    dx, dy = px.float() + 0.5 - t[0], py.float() + 0.5 - t[1]
    along = ((dx * t[2] + dy * t[3]) / (t[2] ** 2 + t[3] ** 2).clamp(min=1e-6)).clamp(0, 1)
    away = (dx - along * t[2]) ** 2 + (dy - along * t[3]) ** 2
    inside = (away < t[4]).nonzero().squeeze(1)
    shape = shape[inside]
    pixel = (torch.from_numpy(shapes.body)[shape] * height + py[inside]) * width + px[inside]
    axis = t[5][inside] + along[inside] * t[6][inside]
    margin = torch.from_numpy(shapes.reach + 0.35 * blend).float()[shape]
    sure = (
        away[inside] < torch.from_numpy(np.square(0.5 * solid * _roundness(shapes))).float()[shape]
    )
    return _drop_hidden(shape, pixel, axis - margin, axis, sure)


def _roundness(shapes: Shapes) -> Array:
    """Smallest part of `reach` by which each primitive is surely thick, (P,)."""
    thin = np.minimum(shapes.radius0, shapes.radius1)
    squeeze = np.sqrt((shapes.warp**2).sum(-1)).max(-1)
    return np.asarray(thin / squeeze / shapes.reach)


def _drop_hidden(
    shape: Tensor, pixel: Tensor, near: Tensor, axis: Tensor, sure: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Drop pairs that begin behind an axis the ray surely meets."""
    low = int(pixel.min()) if len(pixel) else 0
    size = int(pixel.max()) - low + 1 if len(pixel) else 0
    wall = torch.full((size,), FAR)
    wall = wall.scatter_reduce(0, (pixel - low)[sure], axis[sure], "amin")
    seen = (near < wall[pixel - low] + 0.02).nonzero().squeeze(1)
    return shape[seen], pixel[seen], near[seen]


def _gather(
    shapes: Shapes, camera: Camera, shape: Tensor, pixel: Tensor, segment: Tensor,
    x: Tensor, y: Tensor,
) -> _Pairs:  # fmt: skip
    warp = torch.from_numpy(shapes.warp).float()
    offset = torch.from_numpy(camera.position - shapes.start).float()
    base = torch.einsum("pij,pj->ip", warp, offset)
    columns = (
        warp.permute(2, 1, 0).contiguous().index_select(-1, shape)
    )  # (world axis, cone axis, Q)
    slope = columns[0] * x[pixel] + columns[1] * y[pixel] - columns[2]
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
    z = depth[pairs.pixel]
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
    share = (1 - (distance - least[pairs.segment]) / blend[pairs.segment]).clamp_(min=0)
    share = share * share
    total = torch.zeros_like(blend).index_add_(0, pairs.segment, share)
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
        if left < 0.65 * len(now):
            pixels, keep = torch.cumsum(alive, 0) - 1, alive[segment_pixel]
            pairs = pairs.keep(alive[pairs.pixel], pixels, torch.cumsum(keep, 0) - 1)
            segment_pixel, blend = pixels[segment_pixel[keep]], blend[keep]
            index, now, far = index[alive], now[alive], far[alive]
            stretch = stretch[alive]
    return depth, hit


def _finish(
    pairs: _Pairs, segment_pixel: Tensor, blend: Tensor, depth: Tensor, hit: Tensor,
    pixels: Tensor, shapes: Shapes,
) -> Hits:  # fmt: skip
    """Normals and materials where rays arrived, from the winning group of each pixel."""
    number, keep = torch.cumsum(hit, 0) - 1, hit[segment_pixel]
    pairs = pairs.keep(hit[pairs.pixel], number, torch.cumsum(keep, 0) - 1)
    segment_pixel, blend, depth = number[segment_pixel[keep]], blend[keep], depth[hit]
    distance, gx, gy, gz, gradient = _distance(pairs, depth)
    joined, share, total = _union(pairs, distance, blend)
    least = torch.full_like(depth, FAR).scatter_reduce_(0, segment_pixel, joined, "amin")
    wins = joined <= least[segment_pixel]
    weight = share * (0.02 + share) / (total[pairs.segment] + 0.02) * wins[pairs.segment]
    chosen = weight.nonzero().squeeze(1)
    warp = torch.from_numpy(shapes.warp).float()[pairs.shape[chosen]]
    local = (torch.stack([gx, gy, gz], -1) * (gradient * weight)[:, None])[chosen]
    normal = torch.zeros(len(depth), 3)
    normal.index_add_(0, pairs.pixel[chosen], torch.einsum("nij,ni->nj", warp, local))
    best = torch.full_like(depth, -1.0).scatter_reduce_(0, pairs.pixel, weight, "amax")
    shape = torch.zeros(len(depth), dtype=torch.int64)
    first = chosen[weight[chosen] >= best[pairs.pixel[chosen]]]
    shape[pairs.pixel[first]] = pairs.shape[first]
    normal = normal / normal.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    return Hits(pixels[hit].numpy(), depth.double().numpy(), normal.double().numpy(), shape.numpy())
