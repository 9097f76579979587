"""Who wears a skirt or a gown, and down to where: it is one cloth around both legs, or it tears."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.bone import Bone, Skirt
from pose.bones import SKIRT, THIGH_RADIUS, THIGHS, TORSO, Bones
from pose.skeleton import Floats

Flags = NDArray[np.bool_]

MARGIN, DEPTH = 0.2, 0.15  # in lengths of the torso: around the legs; half of the depth
# What is between the legs is a skirt's down to here at least, of the way to the knees, and so far
# it reaches beyond the legs, in lengths of the torso: somewhere above the knees, and to its hem.
# Trousers reach 0.23 at most, skirts 0.26 to 0.5, on 80 rendered characters. Of those who sit
# nothing can be told: seen from before their thighs are short, from the side not below the torso.
LEAST_HEM, WIDE, HEM = 0.7, 0.25, 0.2
SEATED, UPRIGHT = 0.5, 0.7  # in lengths of the torso; cosine of the angle between both
SHARES = np.linspace(0.5, 2.0, 31)  # of the way to the knees, where it is looked for


def find_hem(bones: Bones, seen: Flags) -> float | None:
    """How far down a figure's skirt reaches, of the way to the knees; None for no skirt.

    seen: (H, W), which pixels are the figure's, but for its arms.
    """
    skirt, torso, left, right = _skirt(bones, 1.0), bones[TORSO], *_thighs(bones)
    if skirt is None or torso is None or left is None or right is None:
        return None
    if skirt.length < SEATED * torso.length or skirt.along @ torso.along < UPRIGHT:
        return None
    hem = widest = 0.0
    for share in SHARES:
        middle = skirt.start + share * (skirt.end - skirt.start)
        widths = [_run(seen, middle, way * skirt.across) for way in (1, -1)]
        if min(widths) < 1:
            break
        knee = min(share, 1.0)
        apart = (left.start - right.start) * (1 - knee) + (left.end - right.end) * knee
        beyond = (sum(widths) - abs(float(apart @ skirt.across))) / 2 / torso.length
        if beyond >= HEM:
            hem = share
        if share <= 1:
            widest = max(widest, beyond)
    return float(hem) if hem >= LEAST_HEM and widest >= WIDE else None


def dressed(bones: Bones, hem: float | None) -> Bones:
    """The bones of a figure with a skirt that reaches so far, or without one."""
    skirt = None if hem is None else _skirt(bones, hem)
    return [*bones[:SKIRT], skirt, *bones[SKIRT + 1 :]]


def _thighs(bones: Bones) -> list[Bone | None]:
    return [bones[thigh] for thigh in THIGHS]


def _skirt(bones: Bones, hem: float) -> Skirt | None:
    left, right = _thighs(bones)
    if left is None or right is None:
        return None
    hips, knees = (left.start + right.start) / 2, (left.end + right.end) / 2
    axis, unit = Bone(hips, knees, 0.0), left.side / THIGH_RADIUS
    ways = (left.start - right.start, left.end - right.end)
    halves = [float(way @ axis.across) / 2 for way in ways]
    waist, width = (float(np.hypot(half, DEPTH * unit)) + MARGIN * unit for half in halves)
    side = float(np.copysign(width, halves[0]))
    return Skirt(hips, hips + hem * (knees - hips), side, waist / width)


def _run(seen: Flags, start: Floats, way: Floats) -> int:
    """How many pixels can be gone from a place before the figure, or the picture, ends."""
    places = np.rint(start + way * np.arange(max(seen.shape))[:, None]).astype(int)
    inside = ((places >= 0) & (places < seen.shape[::-1])).all(axis=-1)
    free = np.zeros(len(places) + 1, bool)
    free[:-1][inside] = seen[places[inside, 1], places[inside, 0]]
    return int(free.argmin())
