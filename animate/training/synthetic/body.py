"""The sculpted body: torso, arms, hands, legs and shoes as rounded cones in frame coordinates."""

from __future__ import annotations

from .character import Character
from .frames import ANKLE, FOREARM, HIP_HALF, SHIN, SHOULDER, THIGH, UPPER_ARM, WAIST
from .hand import SEGMENT_LENGTHS
from .primitives import Sculptor

# Radii in metres. The fingers are thick enough to be tracked (measured in the prototype).
UPPER_RADII, ELBOW, FOREARM_RADII = (0.046, 0.0345), 0.0335, (0.0365, 0.0225)
THIGH_RADII, KNEE, SHIN_RADII = (0.084, 0.054), 0.041, (0.052, 0.036)
THUMB_RADII = (0.0130, 0.0102, 0.0088, 0.0070)
FINGER_RADII = (
    (0.0085, 0.0073, 0.0065, 0.0060),
    (0.0087, 0.0075, 0.0067, 0.0062),
    (0.0083, 0.0071, 0.0063, 0.0058),
    (0.0073, 0.0062, 0.0055, 0.0052),
)
METACARPALS = ((0.024, 0.090), (0.006, 0.091), (-0.013, 0.086), (-0.029, 0.077))


def sculpt_body(sculptor: Sculptor, character: Character) -> None:
    """Add everything below the head."""
    _torso(sculptor, character)
    _hips(sculptor, character)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        _arm(sculptor, character, side, sign)
        _hand(sculptor, character, side, -sign)
        _leg(sculptor, character, side, sign)
        _shoe(sculptor, character, side)


def _torso(s: Sculptor, c: Character) -> None:
    g, loose, w = c.build.girth, c.outfit.loose, c.build.shoulders
    belly = c.build.belly * g
    r = lambda value, factor=g: value * factor + loose  # noqa: E731
    s.cone("chest", (0, 0.19, -0.004), (0, 0.30, -0.006), (r(0.088), r(0.077)), "top", "top",
           wide=1.42 * w, deep=1.02)  # fmt: skip
    s.cone("chest", (0, -0.02, 0), (0, 0.19, 0), (r(0.084, belly), r(0.089)), "top", "top",
           wide=1.26, deep=1.02)  # fmt: skip
    if c.build.belly > 1.08:
        depth = 0.10 * (c.build.belly - 1)
        s.ellipsoid("chest", (0, -0.03, depth), (0.11 * g, 0.12 * g, 0.09 * g + depth),
                    "top", "top")  # fmt: skip
    low = -0.045 if c.outfit.hem else 0.045
    s.cone("pelvis", (0, low, -0.004), (0, WAIST - 0.02, 0), (r(0.093), r(0.084, belly)), "top",
           "top", wide=1.40 * c.build.hips, deep=1.06)  # fmt: skip
    if c.outfit.belt:
        s.cone("pelvis", (0, 0.045, -0.003), (0, 0.062, -0.003), (r(0.101), r(0.100)), "extra",
               "belt", wide=1.38 * c.build.hips, deep=1.03)  # fmt: skip
        s.ellipsoid("pelvis", (0, 0.053, r(0.104)), (0.032, 0.024, 0.012), "extra", "trim")
    for sign in (-1, 1):
        x = sign * SHOULDER[0] * w
        s.cone("chest", (0, 0.352, -0.012), (x - sign * 0.022, SHOULDER[1] - 0.004, 0),
               (r(0.042), r(0.036)), "top", "top")  # fmt: skip
    s.cone("chest", (0, 0.335, -0.016), (0, 0.385, -0.012), (0.054 * g, 0.051 * g), "neck", "neck")
    s.cone("neck", (0, 0.01, 0), (0, 0.13, 0.018), (0.053 * g, 0.048 * g), "neck", "neck")
    if c.outfit.collar:
        s.cone(
            "neck", (0, 0.030, 0.002), (0, 0.055, 0.006), (0.064 * g, 0.061 * g), "extra", "trim"
        )


def _hips(s: Sculptor, c: Character) -> None:
    g, loose = c.build.girth, c.outfit.loose
    s.cone("pelvis", (0, 0.045, -0.005), (0, -0.035, -0.006), (0.091 * g + loose, 0.094 * g + loose),
           "bottom", "bottom", wide=1.40 * c.build.hips, deep=1.05)  # fmt: skip

def _arm(s: Sculptor, c: Character, side: str, sign: float) -> None:
    g, cover = c.build.girth, c.outfit.sleeves
    upper, fore = UPPER_ARM * c.build.arms, FOREARM * c.build.arms
    group, loose = f"arm{side}", c.outfit.loose
    end = cover * (upper + fore)
    frames = f"upper{side}", f"fore{side}"
    thick = tuple(r * g for r in UPPER_RADII)
    s.cone(frames[0], (0, 0, 0), (0, upper, 0), thick, group,
           "sleeve" if end >= upper else "skin")  # fmt: skip
    if cover > 0:
        stop = min(max(end, 0.07), upper)
        s.cone(frames[0], (0, -0.005, 0), (0, min(stop, 0.10), 0),
               (0.053 * g + loose, 0.050 * g + loose), "top", "sleeve")  # fmt: skip
        if stop > 0.10:
            ratio = stop / upper
            r = (0.046 + (0.036 - 0.046) * ratio) * g + loose * 1.6
            s.cone(frames[0], (0, 0.05, 0), (0, stop, 0), (0.050 * g + loose, r), group, "sleeve")
    muscle, thin = FOREARM_RADII[0] * g, FOREARM_RADII[1] * g
    skin = "sleeve" if cover >= 0.95 else "skin"
    extra = loose if skin == "sleeve" else 0.0
    s.cone(frames[1], (0, 0, 0), (0, 0.085, 0), (ELBOW * g + extra, muscle + extra), group, skin)
    s.cone(frames[1], (0, 0.085, 0), (0, fore - 0.012, 0), (muscle + extra, thin + extra), group,
           skin)  # fmt: skip
    if upper < end < 0.95 * (upper + fore):
        s.cone(frames[1], (0, 0, 0), (0, end - upper, 0), (ELBOW * g + loose, muscle + loose), group,
               "sleeve")  # fmt: skip
    if c.outfit.gloves > 0.1:
        start = fore * (1 - c.outfit.gloves)
        s.cone(frames[1], (0, start, 0), (0, fore, 0),
               (muscle + loose + 0.004, thin + loose + 0.004), "extra", "hand")  # fmt: skip
        s.cone(frames[1], (0, start - 0.004, 0), (0, start + 0.006, 0),
               (muscle + loose + 0.009, muscle + loose + 0.009), "extra", "trim")  # fmt: skip
    if c.outfit.pads:
        s.ellipsoid(frames[0], (sign * 0.016, 0.022, 0), (0.062 * g, 0.066 * g, 0.070 * g), "extra",
                    "extra")  # fmt: skip


def _hand(s: Sculptor, c: Character, side: str, thumb: float) -> None:
    k, frame, group = c.build.hands, f"hand{side}", f"hand{side}"

    def cone(a: tuple[float, ...], b: tuple[float, ...], radii: tuple[float, float]) -> None:
        a, b = (thumb * a[0] * k, a[1] * k, a[2] * k), (thumb * b[0] * k, b[1] * k, b[2] * k)
        s.cone(frame, a, b, (radii[0] * k, radii[1] * k), group, "hand")

    for aside, along in METACARPALS:
        cone((aside * 0.55, 0.008, 0), (aside, along, 0), (0.0128, 0.0098))
    cone((-0.012, 0.03, 0.002), (-0.018, 0.070, 0.0), (0.0125, 0.010))
    cone((0.014, 0.022, 0.006), (0.030, 0.044, 0.010), (0.0145, 0.0105))
    wrist = FOREARM_RADII[1] * c.build.girth
    s.cone(frame, (0, -0.028, 0), (0, 0.014 * k, 0), (wrist, 0.0215 * k), group, "hand",
           wide=1.08, deep=0.86)  # fmt: skip
    for i, length in enumerate(SEGMENT_LENGTHS):
        digit, joint = divmod(i, 3)
        radii = THUMB_RADII if digit == 0 else FINGER_RADII[digit - 1]
        s.cone(f"finger{i}{side}", (0, 0, 0), (0, length * k, 0),
               (radii[joint] * k, radii[joint + 1] * k), group, "hand")  # fmt: skip


def _leg(s: Sculptor, c: Character, side: str, sign: float) -> None:
    g, loose, cover = c.build.girth, c.outfit.loose, c.outfit.legs
    thigh, shin = THIGH * c.build.legs, SHIN * c.build.legs
    end = cover * (thigh + shin)
    cloth = lambda r, more=1.0: r * g + loose * more  # noqa: E731
    stop = min(end, thigh)
    ratio = stop / thigh
    low = THIGH_RADII[0] + (THIGH_RADII[1] - THIGH_RADII[0]) * ratio
    s.cone(f"thigh{side}", (0, 0, 0), (0, stop, 0), (cloth(THIGH_RADII[0]), cloth(low, 1 + ratio)),
           "bottom", "bottom")  # fmt: skip
    if c.outfit.skirt:
        # in the group with the widest blend, so that the two sides close to one skirt
        s.cone(f"thigh{side}", (-sign * 0.012, 0.02, 0), (0, min(stop, 0.34 * thigh + 0.12), 0),
               (cloth(0.092), cloth(0.118)), "top", "bottom", deep=1.1)  # fmt: skip
    if stop < thigh:
        s.cone(f"thigh{side}", (0, stop - 0.05, 0), (0, thigh, 0), (low * g, THIGH_RADII[1] * g),
               "neck", "skin")  # fmt: skip
    calf, ankle = SHIN_RADII[0] * g, SHIN_RADII[1] * g
    bare = end < thigh + 0.3 * shin
    extra = 0.0 if bare else loose * 1.6
    group, material = ("neck", "skin") if bare else ("bottom", "leg")
    s.cone(f"shin{side}", (0, 0, 0), (0, 0.12, -0.008), (KNEE * g + extra, calf + extra), group,
           material)  # fmt: skip
    s.cone(f"shin{side}", (0, 0.12, -0.008), (0, shin - 0.035, 0), (calf + extra, ankle + extra),
           group, material)  # fmt: skip
    if c.outfit.boots > 0:
        top = shin * (1 - c.outfit.boots)
        wide = calf if c.outfit.boots > 0.5 else ankle + (calf - ankle) * c.outfit.boots * 2
        s.cone(f"shin{side}", (0, top, -0.006), (0, shin, 0),
               (wide + extra + 0.007, ankle + 0.012), f"shoe{side}", "shoe")  # fmt: skip
        s.cone(f"shin{side}", (0, top - 0.004, -0.006), (0, top + 0.008, -0.006),
               (wide + extra + 0.012, wide + extra + 0.012), "extra", "trim")  # fmt: skip
    if c.outfit.pads:
        s.ellipsoid(f"thigh{side}", (0, thigh, 0.022 * g), (0.05 * g, 0.06 * g, 0.045 * g), "extra",
                    "extra")  # fmt: skip


def _shoe(s: Sculptor, c: Character, side: str) -> None:
    g, group = 0.5 + 0.5 * c.build.girth, f"shoe{side}"
    drop = ANKLE
    s.cone(f"foot{side}", (0, 0.01, -0.008), (0, -0.022, -0.012), (0.043 * g, 0.040 * g), group,
           "shoe")  # fmt: skip
    s.cone(f"foot{side}", (0, -drop + 0.036, -0.030), (0, -drop + 0.030, 0.128),
           (0.038 * g, 0.031 * g), group, "shoe", wide=1.08)  # fmt: skip
    s.cone(f"foot{side}", (0, -drop + 0.014, -0.035), (0, -drop + 0.014, 0.132),
           (0.037 * g, 0.038 * g), "extra", "sole", wide=1.10, deep=0.4)  # fmt: skip


def shoulder_half(character: Character) -> float:
    """Half the distance between the shoulder joints, metres."""
    return SHOULDER[0] * character.build.shoulders * character.build.height


def hip_half(character: Character) -> float:
    """Half the distance between the hip joints, metres."""
    return HIP_HALF * character.build.hips * character.build.height
