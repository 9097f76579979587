"""The sculpted limbs: arms, hands, legs and shoes, bare or clothed."""

from __future__ import annotations

from .character import Character
from .frames import ANKLE, FOREARM, SHIN, THIGH, UPPER_ARM
from .hand import SEGMENT_LENGTHS
from .primitives import Sculptor

# Radii in metres of girth 1. The fingers are thick enough to be tracked, as measured in the
# prototype against MediaPipe Holistic.
SHOULDER_RADIUS, ELBOW_RADIUS = 0.046, 0.0345
FOREARM_RADII = (0.0335, 0.0365, 0.0240)  # elbow, muscle, wrist
THIGH_RADIUS, KNEE_RADIUS = 0.084, 0.054
SHIN_RADII = (0.041, 0.052, 0.036)  # knee, calf, ankle
THUMB_RADII = (0.0130, 0.0102, 0.0088, 0.0070)
FINGER_RADII = (
    (0.0085, 0.0073, 0.0065, 0.0060),
    (0.0087, 0.0075, 0.0067, 0.0062),
    (0.0083, 0.0071, 0.0063, 0.0058),
    (0.0073, 0.0062, 0.0055, 0.0052),
)
METACARPALS = ((0.024, 0.090), (0.006, 0.091), (-0.013, 0.086), (-0.029, 0.077))
MUSCLE = 0.085  # from the elbow to the thickest part of the forearm
CALF = 0.12  # from the knee to the thickest part of the shin


def sculpt_arm(s: Sculptor, c: Character, side: str, sign: float) -> None:
    """Upper arm and forearm with sleeve, glove cuff and shoulder pad."""
    girth, loose, group = c.build.girth, c.outfit.loose, f"arm{side}"
    upper, fore = UPPER_ARM * c.build.arms, FOREARM * c.build.arms
    covered = c.outfit.sleeves * (upper + fore)
    material = "sleeve" if covered >= upper else "skin"
    radii = (SHOULDER_RADIUS * girth, ELBOW_RADIUS * girth)
    s.cone(f"upper{side}", (0, 0, 0), (0, upper, 0), radii, group, material)
    if covered > 0:
        _sleeve(s, c, side, min(max(covered, 0.07), upper))
    _forearm(s, c, side, fore, covered - upper)
    if c.outfit.pads:
        radii3 = (0.062 * girth, 0.066 * girth, 0.070 * girth)
        s.ellipsoid(f"upper{side}", (sign * 0.016, 0.022, 0), radii3, "extra", "extra")
    if c.outfit.gloves > 0.1:
        start, wide = fore * (1 - c.outfit.gloves), FOREARM_RADII[1] * girth + loose
        wrist = FOREARM_RADII[2] * girth + loose + 0.004
        s.cone(f"fore{side}", (0, start, 0), (0, fore, 0), (wide + 0.004, wrist), "extra", "hand")
        s.cone(
            f"fore{side}", (0, start - 0.004, 0), (0, start + 0.006, 0),
            (wide + 0.009, wide + 0.009), "extra", "trim",
        )  # fmt: skip


def _sleeve(s: Sculptor, c: Character, side: str, end: float) -> None:
    """Cloth on the upper arm: joined to the torso at the shoulder, loose at its end."""
    girth, loose = c.build.girth, c.outfit.loose
    radii = (0.053 * girth + loose, 0.050 * girth + loose)
    s.cone(f"upper{side}", (0, -0.005, 0), (0, min(end, 0.10), 0), radii, "top", "sleeve")
    if end > 0.10:
        ratio = end / (UPPER_ARM * c.build.arms)
        radius = (SHOULDER_RADIUS + (0.036 - SHOULDER_RADIUS) * ratio) * girth + 1.6 * loose
        radii = (0.050 * girth + loose, radius)
        s.cone(f"upper{side}", (0, 0.05, 0), (0, end, 0), radii, f"arm{side}", "sleeve")


def _forearm(s: Sculptor, c: Character, side: str, fore: float, covered: float) -> None:
    """Forearm; `covered` metres of it are in the sleeve."""
    girth, loose, group, frame = c.build.girth, c.outfit.loose, f"arm{side}", f"fore{side}"
    clothed = covered >= 0.85 * fore
    material, extra = ("sleeve", loose) if clothed else ("skin", 0.0)
    elbow, muscle, wrist = (r * girth + extra for r in FOREARM_RADII)
    s.cone(frame, (0, 0, 0), (0, MUSCLE, 0), (elbow, muscle), group, material)
    s.cone(frame, (0, MUSCLE, 0), (0, fore - 0.012, 0), (muscle, wrist), group, material)
    if covered > 0 and not clothed:
        s.cone(frame, (0, 0, 0), (0, covered, 0), (elbow + loose, muscle + loose), group, "sleeve")


def sculpt_hand(s: Sculptor, c: Character, side: str, thumb: float) -> None:
    """Palm, ball of the thumb, wrist and 15 finger segments; `thumb` is its side on x."""
    k, frame, group = c.build.hands, f"hand{side}", f"hand{side}"
    palm = [
        ((aside * 0.55, 0.008, 0.0), (aside, along, 0.0), (0.0128, 0.0098))
        for aside, along in METACARPALS
    ]
    palm.append(((-0.012, 0.03, 0.002), (-0.018, 0.070, 0.0), (0.0125, 0.010)))
    palm.append(((0.014, 0.022, 0.006), (0.030, 0.044, 0.010), (0.0145, 0.0105)))
    for a, b, (first, last) in palm:
        start = (thumb * a[0] * k, a[1] * k, a[2] * k)
        end = (thumb * b[0] * k, b[1] * k, b[2] * k)
        s.cone(frame, start, end, (first * k, last * k), group, "hand")
    radii = (FOREARM_RADII[2] * c.build.girth, 0.0215 * k)
    s.cone(frame, (0, -0.028, 0), (0, 0.014 * k, 0), radii, group, "hand", wide=1.08, deep=0.86)
    for i, length in enumerate(SEGMENT_LENGTHS):
        digit, joint = divmod(i, 3)
        sizes = THUMB_RADII if digit == 0 else FINGER_RADII[digit - 1]
        radii = (sizes[joint] * k, sizes[joint + 1] * k)
        s.cone(f"finger{i}{side}", (0, 0, 0), (0, length * k, 0), radii, group, "hand")


def sculpt_leg(s: Sculptor, c: Character, side: str, sign: float) -> None:
    """Thigh and shin with trousers, shorts or skirt, boots and knee pads."""
    girth, loose, thigh = c.build.girth, c.outfit.loose, THIGH * c.build.legs
    shin = SHIN * c.build.legs
    covered = c.outfit.legs * (thigh + shin)
    end = min(covered, thigh)
    at_end = THIGH_RADIUS + (KNEE_RADIUS - THIGH_RADIUS) * end / thigh
    radii = (THIGH_RADIUS * girth + loose, at_end * girth + loose * (1 + 0.2 * end / thigh))
    s.cone(f"thigh{side}", (0, 0, 0), (0, end, 0), radii, "bottom", "bottom")
    if c.outfit.skirt:
        # in the group with the widest blend, so that the two sides close to one skirt
        hem = min(end, 0.34 * thigh + 0.12)
        radii = (0.092 * girth + loose, 0.118 * girth + loose)
        s.cone(
            f"thigh{side}", (-sign * 0.012, 0.02, 0), (0, hem, 0), radii, "top", "bottom", deep=1.1
        )
    if end < thigh:
        radii = (at_end * girth, KNEE_RADIUS * girth)
        s.cone(f"thigh{side}", (0, end - 0.05, 0), (0, thigh, 0), radii, "neck", "skin")
    _shin(s, c, side, clothed=covered > thigh + 0.3 * shin)
    if c.outfit.pads:
        radii3 = (0.05 * girth, 0.06 * girth, 0.045 * girth)
        s.ellipsoid(f"thigh{side}", (0, thigh, 0.022 * girth), radii3, "extra", "extra")


def _shin(s: Sculptor, c: Character, side: str, clothed: bool) -> None:
    girth, loose, frame = c.build.girth, c.outfit.loose, f"shin{side}"
    shin, boots = SHIN * c.build.legs, c.outfit.boots
    knee, calf, ankle = (r * girth for r in SHIN_RADII)
    if clothed and boots == 0:
        radii = ((KNEE_RADIUS - 0.005) * girth + 1.2 * loose, ankle + 0.008 + 1.5 * loose)
        s.cone(frame, (0, 0, -0.004), (0, shin - 0.03, 0), radii, "bottom", "leg")
    else:
        group, material, extra = ("bottom", "leg", loose) if clothed else ("neck", "skin", 0.0)
        first, last = (knee + extra, calf + extra), (calf + extra, ankle + extra)
        s.cone(frame, (0, 0, 0), (0, CALF, -0.008), first, group, material)
        s.cone(frame, (0, CALF, -0.008), (0, shin - 0.035, 0), last, group, material)
    if boots > 0:
        top = shin * (1 - boots)
        wide = ankle + (calf - ankle) * min(boots * 2, 1.0) + (loose if clothed else 0.0)
        radii = (wide + 0.007, ankle + 0.012)
        s.cone(frame, (0, top, -0.006), (0, shin, 0), radii, f"shoe{side}", "shoe")
        cuff = (wide + 0.011, wide + 0.011)
        s.cone(frame, (0, top - 0.004, -0.006), (0, top + 0.008, -0.006), cuff, "extra", "trim")


def sculpt_shoe(s: Sculptor, c: Character, side: str) -> None:
    """Heel, toe cap and a flat sole that stands on the floor."""
    k, frame, group = 0.5 + 0.5 * c.build.girth, f"foot{side}", f"shoe{side}"
    radii = (0.043 * k, 0.040 * k)
    s.cone(frame, (0, 0.01, -0.008), (0, -0.022, -0.012), radii, group, "shoe")
    toe, heel = (0, -ANKLE + 0.030, 0.128), (0, -ANKLE + 0.036, -0.030)
    s.cone(frame, heel, toe, (0.038 * k, 0.031 * k), group, "shoe", wide=1.08)
    toe, heel = (0, -ANKLE + 0.014, 0.132), (0, -ANKLE + 0.014, -0.035)
    s.cone(frame, heel, toe, (0.037 * k, 0.038 * k), "extra", "sole", wide=1.10, deep=0.4)
