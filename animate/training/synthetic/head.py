"""The sculpted head: skull, features, hair and hats in head coordinates.

Head coordinates: metres of a head of size 1, x to the person's left, y up, z out of the face.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .character import Character
from .primitives import Sculptor

SKULL_RADII = (0.074, 0.086, 0.093)


class _Head:
    """Adds primitives in head coordinates, scaled by the head's size."""

    def __init__(self, sculptor: Sculptor, size: float) -> None:
        self.sculptor, self.size = sculptor, size

    def ball(
        self, at: Sequence[float], radii: Sequence[float], group: str = "head", paint: str = "face"
    ) -> None:
        k = self.size
        centre, size = [k * v for v in at], [k * v for v in radii]
        self.sculptor.ellipsoid("head", centre, size, group, paint)

    def rod(
        self,
        a: Sequence[float],
        b: Sequence[float],
        radii: tuple[float, float],
        group: str = "head",
        paint: str = "face",
    ) -> None:
        k = self.size
        ends = [k * v for v in a], [k * v for v in b]
        self.sculptor.cone("head", *ends, (k * radii[0], k * radii[1]), group, paint)


def sculpt_head(sculptor: Sculptor, character: Character) -> None:
    """Add the head, the hair and what is worn on it."""
    head = _Head(sculptor, character.build.head)
    _skull(head)
    hat = character.outfit.hat
    if character.face.mask not in ("cowl", "full") and hat != "helmet":
        _hair(head, character.outfit.hair, covered=hat in ("cap", "beanie", "brim"))
    _hat(head, hat)
    if character.face.mask in ("domino", "cowl"):
        for x in (-1, 1):
            head.rod((x * 0.016, 0.020, 0.081), (x * 0.050, 0.026, 0.064), (0.008, 0.007))
    if character.face.glasses:
        for x in (-1, 1):
            head.rod((x * 0.050, 0.008, 0.074), (x * 0.078, 0.006, 0.0), (0.003, 0.003), "extra",
                     "belt")  # fmt: skip


def _skull(head: _Head) -> None:
    head.ball((0, 0.030, -0.012), SKULL_RADII)
    head.ball((0, -0.030, 0.012), (0.060, 0.080, 0.070))
    head.ball((0, -0.090, 0.050), (0.020, 0.016, 0.022))
    for x in (-1, 1):
        head.ball((x * 0.036, -0.024, 0.054), (0.022, 0.026, 0.022))
        head.ball((x * 0.036, -0.062, 0.024), (0.022, 0.028, 0.030))
        head.ball((x * 0.077, -0.006, -0.010), (0.010, 0.032, 0.020))
        head.ball((x * 0.0115, -0.030, 0.088), (0.008, 0.007, 0.010))
        head.rod((x * 0.012, 0.026, 0.078), (x * 0.046, 0.026, 0.066), (0.009, 0.008))
    head.rod((0, 0.018, 0.078), (0, -0.022, 0.094), (0.0055, 0.0085))
    head.rod((-0.014, -0.0535, 0.076), (0.014, -0.0535, 0.076), (0.006, 0.006))
    head.rod((-0.012, -0.0635, 0.075), (0.012, -0.0635, 0.075), (0.007, 0.007))


def _hair(head: _Head, style: str, covered: bool) -> None:
    if style == "bald":
        return
    if style == "afro" and not covered:
        for at, r in (((0, 0.085, -0.03), 0.105), ((0, 0.03, -0.065), 0.095)):
            head.ball(at, (r * 1.05, r, r), "hair", "hair")
        for x in (-1, 1):
            head.ball((x * 0.066, 0.045, -0.03), (0.05, 0.075, 0.065), "hair", "hair")
        return
    thick = {"crop": 0.0, "short": 0.005, "bun": 0.002, "tail": 0.003}.get(style, 0.007)
    if not covered:
        head.ball((0, 0.043, -0.026), (0.079 + thick, 0.083 + thick, 0.092 + thick), "hair", "hair")
        head.ball((0, 0.090, 0.020), (0.056 + thick, 0.026 + thick, 0.058), "hair", "hair")
    for x in (-1, 1):
        head.ball((x * 0.068, 0.030, -0.004), (0.013 + thick, 0.038, 0.032), "hair", "hair")
    head.ball((0, -0.01, -0.055), (0.062, 0.062, 0.048), "hair", "hair")
    if not covered:
        _locks(head, style)
    _length(head, style)


def _locks(head: _Head, style: str) -> None:
    """Strands along the hairline, so that hair does not look like a helmet."""
    rng = np.random.default_rng(len(style))
    if style == "spikes":
        for i in range(11):
            a = np.pi * (i - 5) / 11
            at = np.array([0.066 * np.sin(a), 0.095 + 0.02 * np.cos(a), 0.02 - 0.05 * (i % 2)])
            tip = at + np.array([0.045 * np.sin(a), 0.05, rng.uniform(0, 0.03)])
            head.rod(tuple(at), tuple(tip), (0.022, 0.004), "hair", "hair")
        return
    if style in ("crop", "bun", "tail"):
        return
    sweep = 1.0 if style in ("swept", "short") else 0.0
    for i in range(6):
        x = -0.052 + 0.021 * i
        start = (x * 0.8 + 0.012 * sweep, 0.103, 0.030)
        drop = rng.uniform(0.0, 0.012) + 0.020 * (abs(x) / 0.06) ** 2
        end = (x + 0.02 * sweep * rng.uniform(0.5, 1.2), 0.072 - drop, 0.070 - 6.0 * x * x)
        head.rod(start, end, (0.017, 0.007), "hair", "hair")
    if style == "swept":
        head.rod((-0.03, 0.102, 0.045), (0.055, 0.110, 0.02), (0.020, 0.015), "hair", "hair")


def _length(head: _Head, style: str) -> None:
    """Hair that hangs below the skull."""
    down = {"long": -0.19, "bob": -0.085, "fringe": -0.12, "mane": -0.20}.get(style)
    if down is not None:
        for x in (-1, 1):
            head.rod((x * 0.070, 0.03, -0.024), (x * 0.082, down + 0.02, -0.026), (0.028, 0.026),
                     "hair", "hair")  # fmt: skip
            head.rod((x * 0.060, 0.07, 0.022), (x * 0.078, 0.0, 0.012), (0.018, 0.013), "hair",
                     "hair")  # fmt: skip
        head.rod((0, 0.0, -0.06), (0, down, -0.066), (0.068, 0.056), "hair", "hair")
    if style in ("mane", "curls"):
        _volume(head, style)
    if style in ("fringe", "braids", "bunches"):
        head.rod((-0.045, 0.070, 0.060), (0.045, 0.070, 0.060), (0.020, 0.020), "hair", "hair")
    for x in (-1, 1):
        if style == "braids":
            head.rod((x * 0.075, 0.0, -0.02), (x * 0.095, -0.10, 0.015), (0.022, 0.020), "hair",
                     "hair")  # fmt: skip
            head.rod((x * 0.095, -0.10, 0.015), (x * 0.090, -0.22, 0.045), (0.020, 0.012), "hair",
                     "hair")  # fmt: skip
        if style == "bunches":
            head.ball((x * 0.108, 0.035, -0.02), (0.036, 0.048, 0.036), "hair", "hair")
    if style == "bun":
        head.ball((0, 0.130, -0.045), (0.038, 0.034, 0.038), "hair", "hair")
    if style == "tail":
        head.rod((0, 0.075, -0.105), (0.03, -0.02, -0.135), (0.028, 0.034), "hair", "hair")
        head.rod((0.03, -0.02, -0.135), (0.05, -0.12, -0.115), (0.034, 0.012), "hair", "hair")


def _volume(head: _Head, style: str) -> None:
    """Curls around the head, or a mane over the shoulders."""
    rng = np.random.default_rng(len(style))
    low, size = {"curls": (-0.05, 0.034), "mane": (-0.20, 0.044)}[style]
    for i in range(16):
        angle = np.pi * (0.22 + 1.56 * ((i * 0.618) % 1.0))  # all round but for the face
        y = low + (0.10 - low) * (i / 15) + rng.uniform(-0.012, 0.012)
        r = 0.092 if y > -0.02 else 0.100
        at = (r * np.sin(angle), y, r * np.cos(angle) * 0.9 - 0.015)
        head.ball(at, (size, size * rng.uniform(0.9, 1.3), size), "hair", "hair")


def _hat(head: _Head, hat: str) -> None:
    if hat in ("cap", "beanie", "brim"):
        head.ball((0, 0.062, -0.016), (0.087, 0.078, 0.100), "hat", "hat")
    if hat == "cap":
        head.rod((-0.025, 0.072, 0.085), (0.025, 0.072, 0.085), (0.012, 0.012), "hat", "trim")
        head.ball((0, 0.066, 0.105), (0.066, 0.010, 0.050), "hat", "trim")
    if hat == "brim":
        head.ball((0, 0.066, -0.012), (0.135, 0.012, 0.145), "hat", "trim")
    if hat == "beanie":
        head.ball((0, 0.048, -0.014), (0.090, 0.022, 0.103), "hat", "trim")
        head.ball((0, 0.146, -0.02), (0.024, 0.022, 0.024), "hat", "trim")
    if hat == "helmet":
        head.ball((0, 0.040, -0.026), (0.093, 0.100, 0.104), "hat", "hat")
        head.rod((0, 0.125, 0.06), (0, 0.12, -0.09), (0.016, 0.016), "hat", "trim")
    if hat == "ears":
        for x in (-1, 1):
            head.rod((x * 0.045, 0.09, -0.01), (x * 0.062, 0.175, -0.015), (0.030, 0.006), "extra",
                     "hair")  # fmt: skip
    if hat == "headphones":
        for x in (-1, 1):
            head.ball((x * 0.090, 0.0, -0.012), (0.022, 0.036, 0.036), "extra", "hat")
        for i in range(6):
            a, b = (np.pi * (j / 6 - 0.5) for j in (i, i + 1))
            head.rod((0.09 * np.sin(a), 0.02 + 0.118 * np.cos(a), -0.012),
                     (0.09 * np.sin(b), 0.02 + 0.118 * np.cos(b), -0.012), (0.009, 0.009), "extra",
                     "trim")  # fmt: skip
