"""Joint parameters of the dancer: one pose, or a batch of poses with a leading axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from .linalg import Array

LEFT, RIGHT = 0, 1
SIDES = np.array([1.0, -1.0])  # the person's left is at +x: at the right of the picture


def _rest(*values: float, both: bool = False) -> Array:
    array = np.array(values)
    return np.stack([array, array]) if both else array


@dataclass(frozen=True, kw_only=True)
class Pose:
    """All joint parameters; every field may carry a leading batch axis (N, ...).

    Lengths in metres of a 1.75 m person, angles in radians. Fields of paired limbs start with
    (left, right), and their vectors are (outward, up, forward), so mirrored limbs have equal
    values. `wrist` is in arm lengths from the shoulder, in the axes of the chest: arms turn
    with the torso; `ankle` is in the axes of the pelvis, above the floor.
    """

    place: Array  # (3,) where the person stands: x, height above the floor, z
    root: Array  # (3,) pelvis relative to its rest position above that place
    yaw: Array  # () whole body, positive turns the face towards the picture's right
    tilt: Array  # () pelvis roll
    spine: Array  # (3,) chest relative to the pelvis: twist, lean, bend forward
    head: Array  # (3,) head relative to the chest: turn, nod down, tilt
    shrug: Array  # (2,) shoulders up
    wrist: Array  # (2, 3)
    swivel: Array  # (2,) elbow turned outward about the line shoulder-wrist
    palm: Array  # (2, 3) where the palm looks, made perpendicular to the forearm
    flex: Array  # (2,) wrist bent towards the palm
    deviate: Array  # (2,) wrist bent towards the thumb
    curl: Array  # (2, 4) index to little finger, 0 straight to 1 fist
    spread: Array  # (2,) fingers apart
    thumb: Array  # (2,) 0 open to 1 across the palm
    ankle: Array  # (2, 3)
    knee: Array  # (2,) knees outward
    toe: Array  # (2,) toes outward
    heel: Array  # (2,) heel raised
    mouth: Array  # () opening, 0 to 1
    blink: Array  # () 0 open to 1 closed
    gaze: Array  # () eyes to the picture's right, -1 to 1


REST = Pose(
    place=_rest(0, 0, 0),
    root=_rest(0, -0.015, 0),
    yaw=np.array(0.0),
    tilt=np.array(0.0),
    spine=_rest(0, 0, 0),
    head=_rest(0, 0, 0),
    shrug=_rest(0, 0),
    wrist=_rest(0.32, -0.90, 0.12, both=True),
    swivel=_rest(0, 0),
    palm=_rest(-0.8, 0, 0.5, both=True),
    flex=_rest(0, 0),
    deviate=_rest(0, 0),
    curl=_rest(0.12, 0.14, 0.16, 0.18, both=True),
    spread=_rest(0.1, 0.1),
    thumb=_rest(0.2, 0.2),
    ankle=_rest(0.13, 0, 0, both=True),
    knee=_rest(0.12, 0.12),
    toe=_rest(0.3, 0.3),
    heel=_rest(0, 0),
    mouth=np.array(0.0),
    blink=np.array(0.0),
    gaze=np.array(0.0),
)
NAMES = tuple(field.name for field in fields(Pose))


def batch(**values: Array) -> Pose:
    """A batch of poses from the fields that differ from rest, each with the same leading N."""
    count = max((len(v) for v in values.values()), default=1)
    full = {
        name: np.broadcast_to(
            values.get(name, getattr(REST, name)), (count, *getattr(REST, name).shape)
        )
        for name in NAMES
    }
    return Pose(**full)


def stack(poses: Sequence[Pose]) -> Pose:
    """Join single poses into one batch."""
    return Pose(**{name: np.stack([getattr(p, name) for p in poses]) for name in NAMES})


def select(poses: Pose, index: int | slice | Array) -> Pose:
    """Take one pose, or several, out of a batch."""
    return Pose(**{name: getattr(poses, name)[index] for name in NAMES})


def length(poses: Pose) -> int:
    """Number of poses in a batch."""
    return len(poses.yaw)
