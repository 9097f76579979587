"""The sculpted trunk: chest, belly, hips, shoulders and neck, with what is worn there."""

from __future__ import annotations

from .character import Character
from .frames import SHOULDER, WAIST
from .limbs import sculpt_arm, sculpt_hand, sculpt_leg, sculpt_shoe
from .primitives import Sculptor


def sculpt_body(sculptor: Sculptor, character: Character) -> None:
    """Add everything below the head."""
    _chest(sculptor, character)
    _hips(sculptor, character)
    _neck(sculptor, character)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        sculpt_arm(sculptor, character, side, sign)
        sculpt_hand(sculptor, character, side, -sign)
        sculpt_leg(sculptor, character, side, sign)
        sculpt_shoe(sculptor, character, side)


def _chest(s: Sculptor, c: Character) -> None:
    girth, loose, shoulders = c.build.girth, c.outfit.loose, c.build.shoulders
    belly = c.build.belly * girth
    hang = 0.006 if c.outfit.hem < 0 else 0.0  # a loose shirt does not follow the waist
    ribs = 0.089 * girth + loose
    s.cone(
        "chest", (0, 0.19, -0.004), (0, 0.30, -0.006), (ribs, 0.077 * girth + loose), "top", "top",
        wide=1.42 * shoulders, deep=1.02,
    )  # fmt: skip
    s.cone(
        "chest", (0, -0.02, 0), (0, 0.19, 0), (0.088 * belly + loose + hang, ribs), "top", "top",
        wide=1.32, deep=1.02,
    )  # fmt: skip
    if c.build.belly > 1.08:
        depth = 0.10 * (c.build.belly - 1)
        radii = (0.11 * girth, 0.12 * girth, 0.09 * girth + depth)
        s.ellipsoid("chest", (0, -0.03, depth), radii, "top", "top")
    if c.build.bust > 0:
        size = 0.050 + 0.022 * c.build.bust
        for sign in (-1, 1):
            at = (sign * 0.068 * girth, 0.205, 0.055 * girth + 0.012 * c.build.bust + loose)
            s.ellipsoid("chest", at, (size, size * 0.95, size * 0.8), "top", "top")
    for sign in (-1, 1):
        end = (sign * (SHOULDER[0] * shoulders - 0.022), SHOULDER[1] - 0.004, 0.0)
        radii_ = (0.042 * girth + loose, 0.036 * girth + loose)
        s.cone("chest", (0, 0.352, -0.012), end, radii_, "top", "top")


def _hips(s: Sculptor, c: Character) -> None:
    girth, loose, hips = c.build.girth, c.outfit.loose, c.build.hips
    waist = 0.087 * girth * c.build.belly + loose
    s.cone(
        "pelvis", (0, 0.075, -0.004), (0, WAIST - 0.02, 0), (0.094 * girth + loose, waist), "top",
        "top", wide=1.40 * hips, deep=1.06,
    )  # fmt: skip
    if c.outfit.hem < 0:  # a loose shirt hangs over the hips and the tops of the thighs
        radii = (0.082 * girth + loose, 0.106 * girth + loose)
        s.cone(
            "pelvis", (0, 0.125, -0.004), (0, c.outfit.hem + 0.01, -0.004), radii, "top", "top",
            wide=1.66 * hips, deep=1.03,
        )  # fmt: skip
    # the hips are in both groups: they blend with the belly as well as with the thighs
    for group, slack in (("bottom", 0.0), ("top", -0.004)):
        radius = 0.093 * girth + loose + slack
        s.cone(
            "pelvis", (0, 0.045, -0.005), (0, -0.035, -0.006), (radius, radius), group, "bottom",
            wide=1.40 * hips, deep=1.05,
        )  # fmt: skip
    if c.outfit.gown > 0:
        _gown(s, c)
    if c.outfit.stool:
        s.ellipsoid("pelvis", (0, -0.125, -0.05), (0.17, 0.035, 0.17), "hat", "extra")
        s.cone("pelvis", (0, -0.16, -0.06), (0, -0.60, -0.06), (0.03, 0.04), "hat", "extra")
    if c.outfit.belt:
        front = (0.098 * girth + loose) * 1.06
        s.ellipsoid("pelvis", (0, c.outfit.hem, front), (0.032, 0.024, 0.014), "extra", "trim")


def _gown(s: Sculptor, c: Character) -> None:
    """One bell from the waist over both legs, in the frame of the hips."""
    girth, loose = c.build.girth, c.outfit.loose
    down = -c.outfit.gown * 0.72 * c.build.legs
    hem = 0.15 * girth + loose + 0.13 * c.outfit.gown  # wide enough for a step
    s.cone(
        "pelvis", (0, 0.06, 0), (0, down + hem * 0.6, 0), (0.098 * girth + loose, hem), "bottom",
        "bottom", wide=1.35 * c.build.hips, deep=1.25,
    )  # fmt: skip


def _neck(s: Sculptor, c: Character) -> None:
    girth = c.build.girth
    radii = (0.054 * girth, 0.051 * girth)
    s.cone("chest", (0, 0.335, -0.016), (0, 0.385, -0.012), radii, "neck", "neck")
    s.cone("neck", (0, 0.01, 0), (0, 0.13, 0.018), (0.055 * girth, 0.051 * girth), "neck", "neck")
    if c.outfit.collar:
        radii = (0.064 * girth, 0.061 * girth)
        s.cone("neck", (0, 0.030, 0.002), (0, 0.055, 0.006), radii, "extra", "trim")
