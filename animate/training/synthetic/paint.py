"""Surface colours: sRGB to light and back, and patterns in the coordinates of a body part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .character import PATTERNS, Character
from .frames import FRAMES, WAIST
from .linalg import Array
from .primitives import MATERIALS

GAMMA = 2.2
_CODES = (np.linspace(0, 1, 4096) ** (1 / GAMMA) * 255 + 0.5).astype(np.uint8)


def linear(colour: Any) -> Array:
    """Colours (..., 3) from sRGB 0-255 to linear light 0-1."""
    return np.power(np.clip(np.asarray(colour, dtype=np.float64), 0, 255) / 255, GAMMA)


def encode(light: Array) -> Array:
    """Linear light (...) to sRGB uint8."""
    codes = np.clip(light * 4095 + 0.5, 0, 4095).astype(np.int32)
    return np.asarray(_CODES[codes])


@dataclass(frozen=True)
class PaintTable:
    """Paints of K characters by material: colours (K, M, 3) linear, numbers (K, M)."""

    colour: Array
    second: Array
    pattern: Array
    scale: Array
    gloss: Array


def paint_table(characters: Sequence[Character]) -> PaintTable:
    """Collect the paints of K characters."""
    rows = [[c.paint(name) for name in MATERIALS] for c in characters]
    return PaintTable(
        colour=linear([[p.colour for p in row] for row in rows]).astype(np.float32),
        second=linear([[p.second for p in row] for row in rows]).astype(np.float32),
        pattern=np.array([[PATTERNS[p.pattern] for p in row] for row in rows]),
        scale=np.array([[p.scale for p in row] for row in rows], dtype=np.float32),
        gloss=np.array([[p.gloss for p in row] for row in rows], dtype=np.float32),
    )


def pattern_weight(pattern: Array, local: Array, frame: Array, scale: Array, blur: Array) -> Array:
    """How much of the second colour shows, (S,) in 0-1.

    pattern, frame (S,); local (S, 3) metres in the frame; scale and blur (S,) metres, blur the
    width of a pixel, over which edges are smoothed.
    """
    weight = np.zeros(len(pattern), dtype=np.float32)
    for index in np.unique(pattern):
        rule = _RULES.get(int(index))
        if rule is None:
            continue
        at = np.flatnonzero(pattern == index)
        x, y, z = local[at].T
        y = np.where(frame[at] == FRAMES["pelvis"], y - WAIST, y)
        torso = frame[at] <= FRAMES["chest"]
        inside = rule(x, y, z, scale[at], torso)
        weight[at] = np.clip(0.5 + inside / blur[at], 0, 1)
    return weight


_Rule = Callable[[Array, Array, Array, Array, Array], Array]


def _wave(value: Array, scale: Array) -> Array:
    """Distance to the nearest stripe's edge, positive on every second stripe."""
    phase = np.mod(value / scale, 2.0)
    return np.asarray((0.5 - np.abs(phase - 1.0)) * scale)


def _dots(x: Array, y: Array, scale: Array) -> Array:
    row = np.floor(y / scale)
    u = np.mod(x / scale + 0.5 * np.mod(row, 2), 1.0) - 0.5
    v = y / scale - row - 0.5
    return np.asarray((0.30 - np.hypot(u, v)) * scale)


def _spots(x: Array, y: Array, z: Array, scale: Array) -> Array:
    k = 2.2 / scale
    value = np.sin(k * x + 2 * np.sin(0.7 * k * y)) + np.sin(0.8 * k * y + 1.3 * np.sin(k * z + 1))
    return np.asarray((value - 0.35) * 0.25 * scale)


def _plaid(x: Array, y: Array, scale: Array) -> Array:
    """Broad and narrow bands both ways."""
    broad = np.maximum(_wave(x, 1.6 * scale), _wave(y, 1.6 * scale))
    return np.maximum(broad, 0.12 * scale - np.abs(_wave(x + y * 0, 0.9 * scale)))


def _blots(x: Array, y: Array, z: Array, scale: Array) -> Array:
    """Irregular shapes, like a print of leaves or paint."""
    k = 1.7 / scale
    value = np.sin(k * x + 1.7 * np.sin(1.3 * k * y + 1)) * np.sin(
        k * y + 1.9 * np.sin(k * x + k * z)
    )
    return np.asarray((np.abs(value) - 0.45) * 0.4 * scale)


def _blooms(x: Array, y: Array, scale: Array) -> Array:
    """Flowers of five petals, row by row."""
    row = np.floor(y / scale)
    u = np.mod(x / scale + 0.5 * np.mod(row, 2), 1.0) - 0.5
    v = y / scale - row - 0.5
    return np.asarray((0.26 + 0.11 * np.cos(5 * np.arctan2(u, v) + row) - np.hypot(u, v)) * scale)


def _writing(x: Array, y: Array, z: Array, torso: Array, scale: Array) -> Array:
    """Lines like letters across the chest."""
    u, v = x / scale * 4, (y - 0.22) / scale * 2.4
    ink = np.sin(5.1 * u + 2 * np.sin(2.3 * u)) + 0.8 * np.sin(7 * v + 3 * np.sin(1.7 * u))
    band = np.minimum(4.0 - np.abs(u), 0.9 - np.abs(np.mod(v + 0.9, 1.8) - 0.9) * 1.3)
    return _on_chest(np.minimum(ink * 0.2, band) * scale * 0.4, z, torso & (np.abs(v) < 2.4))


def _on_chest(inside: Array, z: Array, torso: Array) -> Array:
    return np.where(torso & (z > 0.01), inside, -1.0)


def _star(x: Array, y: Array, scale: Array) -> Array:
    """A five-pointed star of radius `scale`, by the angle folded into one point."""
    angle = np.abs(np.mod(np.arctan2(x, y) + np.pi / 5, 2 * np.pi / 5) - np.pi / 5)
    radius = np.hypot(x, y)
    return np.asarray(scale * 0.52 - radius * (0.52 * np.cos(angle) + 0.72 * np.sin(angle) * 1.15))


_RULES: dict[int, _Rule] = {
    PATTERNS["rings"]: lambda x, y, z, s, t: _wave(y, s),
    PATTERNS["stripes"]: lambda x, y, z, s, t: _wave(x + 0.5 * s, s),
    PATTERNS["dots"]: lambda x, y, z, s, t: _dots(x, y, s),
    PATTERNS["checks"]: lambda x, y, z, s, t: (
        np.where(_wave(x, s) * _wave(y, s) > 0, 1.0, -1.0)
        * np.minimum(np.abs(_wave(x, s)), np.abs(_wave(y, s)))
    ),
    PATTERNS["panel"]: lambda x, y, z, s, t: _on_chest(
        np.minimum(1.2 * s - np.abs(x), s - np.abs(y - 0.22)), z, t
    ),
    PATTERNS["fade"]: lambda x, y, z, s, t: (y - 0.10) * 0.02,
    PATTERNS["halves"]: lambda x, y, z, s, t: x,
    PATTERNS["camouflage"]: lambda x, y, z, s, t: _spots(x, y, z, s),
    PATTERNS["diagonal"]: lambda x, y, z, s, t: _wave(0.7 * (x + y), s),
    PATTERNS["badge"]: lambda x, y, z, s, t: _on_chest(_star(x, y - 0.235, s), z, t),
    PATTERNS["yoke"]: lambda x, y, z, s, t: np.where(
        t, y - 0.26 + 0.6 * np.abs(x) * (z > 0), 0.1 - y
    ),
    PATTERNS["plaid"]: lambda x, y, z, s, t: _plaid(x, y, s),
    PATTERNS["weave"]: lambda x, y, z, s, t: _spots(x, 0.4 * y, z, 0.25 * s),
    PATTERNS["print"]: lambda x, y, z, s, t: _blots(x, y, z, s),
    PATTERNS["blooms"]: lambda x, y, z, s, t: _blooms(x, y, s),
    PATTERNS["text"]: lambda x, y, z, s, t: _writing(x, y, z, t, s),
    PATTERNS["sides"]: lambda x, y, z, s, t: np.where(t, np.abs(x) - 0.095, np.abs(x) - 0.042),
}
