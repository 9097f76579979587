"""Small vectorised geometry: rotations, bases and two-bone limbs over leading axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def unit(vector: Array) -> Array:
    """Scale vectors (..., 3) to length one; a zero vector stays zero."""
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    length = np.sqrt(x * x + y * y + z * z)[..., None]
    return np.asarray(vector / np.maximum(length, 1e-12))


def turn(axis: int, angle: Array | float) -> Array:
    """Rotation matrices (..., 3, 3) by `angle` radians (...) about coordinate axis 0, 1 or 2."""
    angle = np.asarray(angle, dtype=np.float64)
    matrix = np.zeros((*angle.shape, 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[..., axis, axis] = 1.0
    matrix[..., i, i] = matrix[..., j, j] = np.cos(angle)
    matrix[..., j, i] = np.sin(angle)
    matrix[..., i, j] = -matrix[..., j, i]
    return matrix


def turn_about(axis: Array, angle: Array, vector: Array) -> Array:
    """Rotate vectors (..., 3) about unit axes (..., 3) by angles (...); Rodrigues' formula."""
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    along = (axis * vector).sum(-1, keepdims=True)
    return np.asarray(vector * cos + np.cross(axis, vector) * sin + axis * along * (1 - cos))


def basis(y: Array, z_hint: Array) -> Array:
    """Right-handed bases (..., 3, 3), axes in columns: y kept, z as near `z_hint` as it can be."""
    y = unit(y)
    x = unit(np.cross(y, z_hint))
    return np.stack([x, y, np.cross(x, y)], -1)


def apply(matrix: Array, vector: Array) -> Array:
    """Matrix times vector, (..., 3, 3) and (..., 3) -> (..., 3)."""
    return np.asarray(np.einsum("...ij,...j->...i", matrix, vector))


def two_bone(
    start: Array, target: Array, upper: Array, lower: Array, hint: Array
) -> tuple[Array, Array, Array]:
    """Reach for a target with two bones of fixed length.

    start, target, hint (..., 3), bone lengths (...). Returns the middle joint, the end (the
    target, pulled into reach) and the unit direction (..., 3) in which the middle joint points.
    """
    offset = target - start
    direction = unit(offset)
    total = upper + lower
    nearest = np.abs(upper - lower) + 0.15 * total
    reach = np.clip(np.sqrt((offset * offset).sum(-1)), nearest, 0.998 * total)
    along = (upper**2 + reach**2 - lower**2) / (2 * reach)
    away = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    pole = unit(hint - direction * (hint * direction).sum(-1, keepdims=True))
    middle = start + direction * along[..., None] + pole * away[..., None]
    return middle, start + direction * reach[..., None], pole
