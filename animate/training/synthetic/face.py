"""The painted face, and the 68 points on it (iBUG-68 order) in head coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .character import MASKS, Character
from .linalg import Array
from .paint import linear
from .pose import Pose

# Metres of a head of size 1, on its sculpted surface; right half, mirrored for the left.
EYE, MOUTH = np.array([0.031, 0.004, 0.074]), np.array([0.0, -0.0585, 0.083])
EYE_HALF, LID_UP, LID_LOW = 0.0155, 0.0068, 0.0052
MOUTH_HALF, LIP_UP, LIP_LOW, GAPE = 0.0245, 0.0075, 0.0095, 0.020
BROW = ((0.051, 0.021, 0.062), (0.044, 0.0265, 0.070), (0.035, 0.0285, 0.076),
        (0.025, 0.027, 0.081), (0.015, 0.023, 0.085))  # outer to inner  # fmt: skip
NOSE_BRIDGE = ((0.0, 0.008, 0.085), (0.0, -0.004, 0.090), (0.0, -0.016, 0.096),
               (0.0, -0.028, 0.103))  # fmt: skip
NOSTRILS = ((0.016, -0.036, 0.088), (0.008, -0.0385, 0.093), (0.0, -0.040, 0.095))


def _static_points() -> Array:
    points = np.zeros((68, 3))
    angle = np.linspace(0, np.pi, 17)
    points[:17] = np.stack(
        [-0.076 * np.cos(angle), 0.004 - 0.110 * np.sin(angle) ** 1.3, 0.060 * np.sin(angle)], -1
    )
    mirror = np.array([-1.0, 1.0, 1.0])
    brow = np.array(BROW)
    points[17:22], points[22:27] = brow * mirror, brow[::-1]
    points[27:31] = NOSE_BRIDGE
    nostrils = np.array(NOSTRILS)
    points[31:34], points[34:36] = nostrils * mirror, nostrils[1::-1]
    return points


def face_points(mouth: Array, blink: Array) -> Array:
    """The 68 points (N, 68, 3) for mouth openings and blinks (N,), 0 to 1."""
    points = np.repeat(_static_points()[None], len(mouth), 0)
    shut = 1 - blink[:, None]
    # outer corner, upper lid outer and inner, inner corner, lower lid inner and outer
    x = EYE_HALF * np.array([1.0, 0.4, -0.4, -1.0, -0.4, 0.4])
    y = np.array([0, LID_UP, LID_UP, 0, -LID_LOW, -LID_LOW]) * 0.84
    z = np.array([-0.009, 0.0, 0.003, 0.002, 0.002, -0.001])
    lid = y * np.where(y > 0, shut * 1.6 - 0.6, 1.0)  # the upper lid does most of the closing
    eye = np.stack(np.broadcast_arrays(EYE[0] + x, EYE[1] + lid, EYE[2] + z), -1)
    points[:, 36:42] = eye * np.array([-1.0, 1.0, 1.0])
    points[:, 42:48] = eye[:, [3, 2, 1, 0, 5, 4]]
    points[:, 48:68] = _lips(GAPE * mouth)
    return points


def _lips(gape: Array) -> Array:
    outer = np.linspace(-1, 1, 7)
    inner = np.linspace(-0.72, 0.72, 5)
    rows = []
    for x, thick in ((outer, 1.0), (inner, 0.12)):
        arch = 1 - x**2
        up = LIP_UP * thick * arch + 0 * gape[:, None]
        low = -LIP_LOW * thick * arch - gape[:, None] * (1 - (0.75 * x) ** 2) * (abs(x) < 1)
        if thick < 1:
            up[:, [0, -1]] = low[:, [0, -1]] = 0
        ring_x = np.concatenate([x, x[-2:0:-1]])
        ring_y = np.concatenate([up, low[:, -2:0:-1]], 1)
        rows.append(np.stack([np.broadcast_to(ring_x, ring_y.shape), ring_y], -1))
    ring = np.concatenate(rows, 1)
    depth = MOUTH[2] - 0.014 * ring[..., 0] ** 2
    return np.stack([ring[..., 0] * MOUTH_HALF, MOUTH[1] + ring[..., 1], depth], -1)


@dataclass(frozen=True)
class FaceColours:
    """Linear colours (N, 3) and numbers (N,) of N faces, to be taken per pixel."""

    lips: Array
    brows: Array
    iris: Array
    mask: Array
    mask_trim: Array
    mask_kind: Array
    eyes: Array
    beard: Array
    glasses: Array
    mouth: Array
    blink: Array
    gaze: Array
    hairline: Array
    hair: Array

    def take(self, index: Array) -> FaceColours:
        return FaceColours(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def face_colours(characters: Sequence[Character], poses: Pose) -> FaceColours:
    """Collect what the painter needs of N characters and their poses."""
    faces = [c.face for c in characters]
    bare = {"bald": 0.0, "afro": 1.0}
    return FaceColours(
        lips=linear([f.lips for f in faces]),
        brows=linear([f.brows for f in faces]),
        iris=linear([f.iris for f in faces]),
        mask=linear([f.mask_paint.colour for f in faces]),
        mask_trim=linear([f.mask_paint.second for f in faces]),
        mask_kind=np.array([MASKS.index(f.mask) for f in faces]),
        eyes=np.array([f.eyes for f in faces]),
        beard=np.array([f.beard for f in faces]),
        glasses=np.array([float(f.glasses) for f in faces]),
        mouth=poses.mouth,
        blink=poses.blink,
        gaze=poses.gaze,
        hairline=np.array([bare.get(c.outfit.hair, 1.0) for c in characters]),
        hair=linear([c.paint("hair").colour for c in characters]),
    )


class _Canvas:
    """Albedo of S face pixels; strokes are anti-aliased by the width of a pixel."""

    def __init__(self, q: Array, colour: Array, footprint: Array) -> None:
        self.x, self.y, self.z = q.T
        self.ax = np.abs(self.x)
        self.colour, self.footprint = colour, footprint
        self.front = np.clip((self.z - 0.012) / 0.02, 0, 1)

    def area(self, inside: Array, edge: float = 0.0015) -> Array:
        """Coverage where a signed distance `inside` (positive within) is in metres."""
        return np.asarray(np.clip(0.5 + inside / np.maximum(edge, self.footprint), 0, 1))

    def line(self, distance: Array, half: float | Array, edge: float = 0.001) -> Array:
        """Coverage of a stroke `half` wide each side; thinner than a pixel means fainter."""
        wide = np.maximum(edge, self.footprint)
        faint = np.minimum(1, 0.15 + 2 * half / wide)
        return np.asarray(np.clip(0.5 + (half - np.abs(distance)) / wide, 0, 1) * faint)

    def lay(self, weight: Array, colour: Array, everywhere: bool = False) -> None:
        w = weight if everywhere else weight * self.front
        self.colour += (colour - self.colour) * np.clip(w, 0, 1)[:, None]


def paint_face(q: Array, skin: Array, f: FaceColours, footprint: Array) -> Array:
    """Albedo (S, 3) of face pixels at head coordinates `q` (S, 3); `f` taken per pixel."""
    c = _Canvas(q, skin.copy(), footprint)
    _complexion(c, skin, f)
    _mouth(c, skin, f)
    covered = _mask(c, f)
    _brows(c, f, 1 - 0.9 * covered)
    _eyes(c, f)
    return c.colour


def _gauss(a: Array, b: Array | float = 0.0) -> Array:
    return np.asarray(np.exp(-(a**2) - np.square(b)))


def _complexion(c: _Canvas, skin: Array, f: FaceColours) -> None:
    # hair painted on the skull closes the gaps between the sculpted hair and the hairline
    line = 0.066 - 0.9 * np.maximum(c.ax - 0.035, 0) - 1.4 * np.maximum(-c.z, 0)
    scalp = np.where(f.hairline > 0, c.area(c.y - line, 0.006), 0.0)
    c.lay(scalp * np.where(c.ax > 0.078, 0, 1), f.hair * 0.9, everywhere=True)
    blush = np.array([1.05, 0.66, 0.62])
    c.lay(0.25 * _gauss((c.ax - 0.038) / 0.016, (c.y + 0.028) / 0.016), skin * blush)
    c.lay(0.40 * _gauss((c.ax - 0.031) / 0.019, (c.y - 0.011) / 0.011), skin * 0.58)
    c.lay(0.18 * _gauss((c.ax - 0.010) / 0.004, (c.y - 0.000) / 0.016), skin * 0.55)
    c.lay(0.30 * _gauss(c.x / 0.010, (c.y + 0.042) / 0.006), skin * 0.55)
    c.lay(0.60 * _gauss((c.ax - 0.007) / 0.0035, (c.y + 0.0365) / 0.003), skin * 0.2)
    c.lay(0.30 * _gauss(c.x / 0.016, (c.y + 0.074) / 0.004), skin * 0.5)
    jaw = c.area(-0.030 - 0.35 * (0.06 - c.ax) * (c.ax > 0.02) - c.y, 0.014)
    bare = 1 - _gauss(c.x / 0.024, (c.y + 0.058) / 0.011)
    chin = np.where(f.beard > 0, jaw * bare * f.beard, 0)
    c.lay(chin * np.clip((c.z + 0.01) / 0.02, 0, 1), f.brows * 0.9, everywhere=True)


def _mouth(c: _Canvas, skin: Array, f: FaceColours) -> None:
    x, y = np.clip(c.ax / MOUTH_HALF, 0, 1), c.y - MOUTH[1]
    arch, gape = 1 - x**2, GAPE * f.mouth
    dip = 1 - 0.25 * _gauss(c.x / 0.005)
    top, bottom = LIP_UP * arch * dip, -(LIP_LOW + gape) * arch
    within = np.where(c.ax < MOUTH_HALF, 1.0, 0.0)
    c.lay(0.85 * c.area(np.minimum(top - y, y - bottom)) * within, f.lips)
    c.lay(0.30 * c.line(y - bottom * 0.55, 0.0015) * within * (c.ax < 0.014), f.lips * 1.6)
    dark = np.array([0.045, 0.010, 0.012])
    c.lay(0.9 * c.line(y + 0.0006 + gape * arch / 2, 0.0009 + gape * arch / 2) * within, dark)
    teeth = c.area(np.minimum(-0.001 - y, y + 0.0012 + 0.35 * gape * arch), 0.001)
    c.lay(0.8 * teeth * (c.ax < 0.017) * (gape > 0.004), np.array([0.75, 0.72, 0.66]))


def _brows(c: _Canvas, f: FaceColours, shown: Array) -> None:
    x = (c.ax - EYE[0]) / 0.020
    y = c.y - 0.0245 - 0.003 * (1 - x**2) + 0.0015 * x
    c.lay(0.9 * shown * c.line(y, 0.0030 * (1 - 0.35 * x)) * (np.abs(x) < 1.05), f.brows * 0.9)


def _eyes(c: _Canvas, f: FaceColours) -> None:
    side = np.sign(c.x)
    x, y = (c.ax - EYE[0]) / (EYE_HALF * f.eyes), (c.y - EYE[1]) / f.eyes
    arch = 1 - np.clip(x, -1, 1) ** 2
    low = -LID_LOW * arch
    up = low + (LID_UP * arch - low) * (1 - 0.97 * f.blink)
    near = np.abs(x) < 1
    inside = c.area(np.where(near, np.minimum(up - y, y - low), -0.01), 0.0012)
    c.lay(inside, np.array([0.80, 0.78, 0.75]))
    radius = np.hypot(c.ax - EYE[0] - side * 0.0055 * f.gaze, y - 0.0008)
    c.lay(inside * c.area(0.0064 - radius, 0.001), f.iris)
    c.lay(inside * c.area(0.0030 - radius, 0.001), np.array([0.002, 0.002, 0.002]))
    glint = np.hypot(c.x - side * EYE[0] - 0.0055 * f.gaze + 0.002, y - 0.003)
    c.lay(inside * c.area(0.0012 - glint, 0.001), np.ones(3))
    c.lay(
        0.9 * c.line(y - up, 0.0012, 0.0012) * (np.abs(x) < 1.05), np.array([0.014, 0.009, 0.007])
    )
    c.lay(0.4 * c.line(y - low, 0.0006, 0.0012) * near, f.brows * 0.8)
    rim = np.abs(np.hypot((c.ax - 0.032) / 1.1, c.y - 0.003) - 0.0225)
    bridge = np.where(c.ax < 0.010, np.abs(c.y - 0.010), 1.0)
    frame = c.line(np.minimum(rim, bridge), 0.0022)
    c.lay(frame * f.glasses, np.array([0.006, 0.006, 0.008]))


def _mask(c: _Canvas, f: FaceColours) -> Array:
    """Lay the mask on and return where it covers, with the holes for the eyes left out."""
    hole = 0.0125 - np.hypot((c.ax - EYE[0]) * 0.62, c.y - EYE[1] - 0.002 - 0.10 * (c.ax - EYE[0]))
    band = np.minimum(0.040 - 0.10 * c.ax - c.y, c.y + 0.023 - 0.26 * np.abs(c.ax - 0.03))
    band = np.where(c.z > -0.02, band, np.minimum(0.012 - np.abs(c.y - 0.008), 0.01))
    cowl = c.y + 0.020 - 0.25 * (c.ax - 0.02) * (c.z > 0) + np.where(c.z < 0.0, 0.06, 0.0)
    lower = np.where(c.z > -0.04, -0.008 - 0.10 * c.ax - c.y, -1.0)
    shapes = np.stack([np.full_like(band, -1.0), band, cowl, lower, np.ones_like(band)])
    inside = shapes[f.mask_kind, np.arange(len(band))]
    inside = np.minimum(inside, -hole)
    edge = c.line(np.where(f.mask_kind > 0, inside - 0.003, 1.0), 0.0022)
    covered = np.where(f.mask_kind > 0, c.area(inside, 0.002), 0.0)
    c.lay(covered, f.mask, everywhere=True)
    c.lay(edge * 0.9, f.mask_trim, everywhere=True)
    return covered
