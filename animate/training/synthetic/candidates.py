"""Which primitives each pixel may see: pairs within an outline and not surely hidden."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .camera import Camera
from .linalg import Array
from .primitives import BLEND, Shapes

FAR = 1e9
MARGIN = 0.6  # part of the blend radius by which the outline of a primitive is widened


def take(values: Tensor, index: Tensor) -> Tensor:
    """Entries (..., Q) by index (Q,): several times as fast as `values[index]`."""
    return values.index_select(-1, index)


def true(mask: Tensor) -> Tensor:
    """Indices (K,) of what holds in a mask (Q,)."""
    return torch.from_numpy(np.flatnonzero(mask.numpy()))


def candidates(shapes: Shapes, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
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
    local = torch.arange(len(shape)) - take(torch.cumsum(count, 0) - count, shape)
    wide = take(torch.from_numpy(span[:, 0]), shape)
    down = torch.div(local, wide, rounding_mode="floor")
    left, top = take(torch.from_numpy(np.ascontiguousarray(low.T)), shape)
    px, py = left + local - down * wide, top + down
    table = np.concatenate([a, b - a, radius[:, None] ** 2, z0[:, None], (z1 - z0)[:, None]], 1)
    t = torch.from_numpy(np.ascontiguousarray(table.T)).float().index_select(1, shape)
    dx, dy = px.float() + 0.5 - t[0], py.float() + 0.5 - t[1]
    along = ((dx * t[2] + dy * t[3]) / (t[2] ** 2 + t[3] ** 2).clamp(min=1e-6)).clamp(0, 1)
    away = (dx - along * t[2]) ** 2 + (dy - along * t[3]) ** 2
    inside = true(away < t[4])
    shape, px, py, away = (take(v, inside) for v in (shape, px, py, away))
    pixel = (take(torch.from_numpy(shapes.body), shape) * height + py) * width + px
    axis = take(t[5], inside) + take(along, inside) * take(t[6], inside)
    thin = np.square(0.5 * solid * _roundness(shapes))
    margin = take(torch.from_numpy(shapes.reach + 0.35 * blend).float(), shape)
    sure = away < take(torch.from_numpy(thin).float(), shape)
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
    local, sure_at = pixel - low, true(sure)
    wall.scatter_reduce_(0, take(local, sure_at), take(axis, sure_at), "amin")
    seen = true(near < take(wall, local) + 0.02)
    return take(shape, seen), take(pixel, seen), take(near, seen)
