"""Who wears a skirt or a gown, and down to where: it is one cloth around both legs, or it tears."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pose.bone import Bone, Skirt
from pose.bones import SHINS, SKIRT, THIGH_RADIUS, THIGHS, TORSO, Bones
from pose.skeleton import Floats

Flags = NDArray[np.bool_]

MARGIN, DEPTH = 0.2, 0.15  # in lengths of the torso: around the legs; half of the depth
# Who wears a skirt is so much wider than the legs, to each side and in lengths of the torso,
# somewhere above the knees: well above them where legs that are bent may lie side by side. It ends
# where that is less than HEM, or than a share of the most; what ends further up is no skirt. On 800
# pictures of rendered characters this takes 4 pairs of trousers for skirts, of 594. Of those who
# sit nothing can be told: seen from before their thighs are short, from the side not below the
# torso.
WIDE, BENT_UPPER = 0.25, 0.8
HEM, FALLEN, LEAST_HEM = 0.2, 0.65, 0.7
CUT_OFF = 1.5  # of the way to the knees: so far at least go skirts that end below the picture
SEATED = 0.5  # in lengths of the torso
UPRIGHT, STRAIGHT = 0.7, 0.95  # cosines of the angle between thighs and torso
SHARES = np.linspace(0.5, 2.0, 31)  # of the way to the knees, where it is looked for


def find_hem(bones: Bones, seen: Flags) -> float | None:
    """How far down a figure's skirt reaches, of the way to the knees; None for no skirt.

    seen: (H, W), which pixels are the figure's, but for its arms.
    """
    skirt, torso = _skirt(bones, 1.0), bones[TORSO]
    if skirt is None or torso is None:
        return None
    upright = float(skirt.along @ torso.along)
    if skirt.length < SEATED * torso.length or upright < UPRIGHT:
        return None
    upper = 1.0 if upright > STRAIGHT else BENT_UPPER
    widths = np.fromiter(_widths(skirt, _legs(bones), seen), float) / torso.length
    if widths[SHARES[: len(widths)] <= upper].max(initial=0.0) < WIDE:
        return None
    widest = int(widths.argmax())
    fallen = np.append(widths < max(HEM, FALLEN * widths[widest]), True)
    last = widest + int(fallen[widest:].argmax())
    hem = float(SHARES[last - 1])
    if hem < LEAST_HEM:
        return None
    cut_off = last == len(widths) < len(SHARES) and not _inside(skirt, SHARES[last], seen.shape)
    return max(hem, CUT_OFF) if cut_off else hem


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


def _legs(bones: Bones) -> list[Floats]:
    """The joints (3, 2) of each leg that has a thigh; without a shin it goes on as straight."""
    legs = []
    for thigh, shin in zip(THIGHS, SHINS, strict=True):
        if (upper := bones[thigh]) is not None:
            lower = bones[shin]
            ankle = 2 * upper.end - upper.start if lower is None else lower.end
            legs.append(np.stack([upper.start, upper.end, ankle]))
    return legs


def _widths(skirt: Skirt, legs: list[Floats], seen: Flags) -> Iterator[float]:
    """At each of SHARES by how many pixels the figure is wider than its legs, to a side."""
    for share in SHARES:
        ahead = share * skirt.length
        asides = [aside for leg in legs for aside in _crossings(skirt, leg, ahead)]
        middle = skirt.start + ahead * skirt.along
        middle += (min(asides) + max(asides)) / 2 * skirt.across
        runs = [_run(seen, middle, way * skirt.across) for way in (1, -1)]
        if min(runs) < 1:
            return
        yield (sum(runs) - (max(asides) - min(asides))) / 2


def _crossings(skirt: Skirt, leg: Floats, ahead: float) -> list[float]:
    """How far aside a leg is so far along a skirt: where it crosses, or where it comes nearest."""
    along, aside = (leg - skirt.start) @ skirt.along - ahead, (leg - skirt.start) @ skirt.across
    places = [
        float(np.interp(0.0, along[[one, other]], aside[[one, other]]))
        for one, other in ((0, 1), (1, 0), (1, 2), (2, 1))
        if along[one] <= 0 < along[other]
    ]
    return places or [float(aside[np.abs(along).argmin()])]


def _inside(skirt: Skirt, share: float, shape: tuple[int, ...]) -> bool:
    """Whether what is so far down a skirt is in a picture (H, W)."""
    place = np.rint(skirt.start + share * skirt.length * skirt.along)
    return bool(((place >= 0) & (place < shape[::-1])).all())


def _run(seen: Flags, start: Floats, way: Floats) -> int:
    """How many pixels can be gone from a place before the figure, or the picture, ends."""
    places = np.rint(start + way * np.arange(max(seen.shape))[:, None]).astype(int)
    inside = ((places >= 0) & (places < seen.shape[::-1])).all(axis=-1)
    free = np.zeros(len(places) + 1, bool)
    free[:-1][inside] = seen[places[inside, 1], places[inside, 0]]
    return int(free.argmin())
