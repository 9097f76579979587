"""Random characters: bodies, clothes, faces and places of great variety."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from .camera import Camera
from .character import (
    HAIR,
    HATS,
    PATTERNS,
    SCENES,
    Character,
    Colour,
    Face,
    Outfit,
    Paint,
    Scene,
)
from .frames import Build

_T = TypeVar("_T")

SKIN_TONES: tuple[Colour, ...] = (
    (246, 214, 196), (236, 188, 160), (224, 172, 140), (198, 140, 104), (172, 118, 84),
    (140, 92, 64), (104, 66, 48), (78, 50, 38),
)  # fmt: skip
HAIR_COLOURS: tuple[Colour, ...] = (
    (22, 18, 18), (50, 32, 24), (92, 58, 36), (130, 82, 44), (190, 150, 90), (226, 200, 150),
    (150, 60, 30), (170, 170, 175), (40, 70, 170), (190, 50, 120), (60, 150, 110),
)  # fmt: skip
IRISES: tuple[Colour, ...] = ((84, 58, 38), (60, 90, 130), (70, 110, 70), (40, 28, 22))
CLOTH_PATTERNS = tuple(PATTERNS)


def _pick(
    rng: np.random.Generator, options: Sequence[_T], odds: Sequence[float] | None = None
) -> _T:
    weights = None if odds is None else np.array(odds) / np.sum(odds)
    return options[int(rng.choice(len(options), p=weights))]


def _colour(rng: np.random.Generator) -> Colour:
    """Any colour: greys and darks as often as strong ones, as in clothes."""
    kind = rng.random()
    base = rng.uniform(15, 245, 3)
    if kind < 0.25:
        base = base.mean() + rng.uniform(-14, 14, 3)
    elif kind < 0.40:
        base = rng.uniform(12, 60, 3)
    elif kind < 0.52:
        base = rng.uniform(215, 250) + rng.uniform(-10, 5, 3)
    red, green, blue = np.clip(base, 8, 250)
    return float(red), float(green), float(blue)


def _near(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    red, green, blue = np.clip(np.array(colour) + rng.uniform(-spread, spread, 3), 5, 252)
    return float(red), float(green), float(blue)


def _cloth(rng: np.random.Generator, plain: float) -> Paint:
    pattern = "plain" if rng.random() < plain else _pick(rng, CLOTH_PATTERNS)
    return Paint(
        colour=_colour(rng),
        second=_colour(rng),
        pattern=pattern,
        scale=float(rng.uniform(0.03, 0.11)),
        gloss=float(_pick(rng, (0.01, 0.02, 0.06, 0.15))),
    )


def random_build(rng: np.random.Generator) -> Build:
    """Thin to heavy, small to tall, with heads from natural to large."""
    girth = float(np.clip(rng.normal(1.02, 0.13), 0.80, 1.38))
    return Build(
        height=float(rng.uniform(0.90, 1.07)),
        girth=girth,
        belly=float(np.clip(girth + rng.normal(0, 0.10), 0.85, 1.45)),
        shoulders=float(rng.uniform(0.88, 1.14)),
        hips=float(rng.uniform(0.90, 1.14)),
        arms=float(rng.uniform(0.94, 1.06)),
        legs=float(rng.uniform(0.92, 1.06)),
        head=float(rng.uniform(1.0, 1.4)),
        hands=float(rng.uniform(1.02, 1.35)),
    )


def random_outfit(rng: np.random.Generator) -> Outfit:
    """Sleeves, trousers, hair and hats in every combination."""
    return Outfit(
        sleeves=float(_pick(rng, (0.0, 0.3, 0.42, 0.7, 1.0), (1, 2, 3, 1, 4))),
        legs=float(_pick(rng, (0.25, 0.48, 0.75, 1.0), (1, 2, 1, 6))),
        loose=float(rng.uniform(0.002, 0.016)),
        skirt=bool(rng.random() < 0.12),
        collar=bool(rng.random() < 0.25),
        belt=bool(rng.random() < 0.3),
        hem=float(_pick(rng, (0.06, 0.03, -0.03, -0.06))),
        gloves=float(_pick(rng, (0.0, 0.08, 0.4), (6, 1, 1))),
        boots=float(_pick(rng, (0.0, 0.3, 0.8), (5, 1, 1))),
        pads=bool(rng.random() < 0.08),
        hair=_pick(rng, HAIR),
        hat=_pick(rng, HATS, (10, 2, 1, 1, 1, 1, 1)),
    )


def random_face(rng: np.random.Generator, hair: Colour, skin: Colour) -> Face:
    """Eyes, lips, beards, glasses and now and then a mask."""
    red, green, blue = skin
    lips = _near(rng, (red * 0.85 + 8, green * 0.58, blue * 0.62), 18)
    masked = rng.random() < 0.2
    return Face(
        iris=_pick(rng, IRISES),
        lips=lips,
        brows=(hair[0] * 0.8, hair[1] * 0.8, hair[2] * 0.8),
        eyes=float(rng.uniform(0.9, 1.25)),
        beard=float(rng.uniform(0.3, 0.95)) if rng.random() < 0.2 else 0.0,
        glasses=bool(rng.random() < 0.15),
        mask=_pick(rng, ("domino", "cowl", "lower", "full")) if masked else "none",
        mask_paint=Paint(colour=_colour(rng), second=_colour(rng)),
    )


def random_scene(rng: np.random.Generator) -> Scene:
    """Plain, busy, dark and bright places, lit from anywhere in front or above."""
    wall = _colour(rng)
    if rng.random() < 0.15:
        wall = _pick(rng, ((3.0, 3.0, 3.0), (250.0, 250.0, 250.0), (40.0, 170.0, 70.0)))
    x = float(rng.uniform(-0.9, 0.9))
    return Scene(
        kind=_pick(rng, SCENES, (5, 2, 1, 1, 1, 2, 1, 1)),
        wall=wall,
        floor=_near(rng, wall, 50) if rng.random() < 0.5 else _colour(rng),
        accent=_colour(rng),
        light=(x, float(rng.uniform(0.35, 0.95)), float(rng.uniform(0.35, 0.9))),
        ambient=float(rng.uniform(0.32, 0.55)),
        key=float(rng.uniform(0.60, 1.0)),
        rim=float(rng.uniform(0.0, 0.3)),
        seed=int(rng.integers(2**31)),
    )


def random_character(rng: np.random.Generator) -> Character:
    """One character, in one place, from a seeded generator."""
    skin = _near(rng, _pick(rng, SKIN_TONES), 10)
    hair = _near(rng, _pick(rng, HAIR_COLOURS), 8)
    outfit = random_outfit(rng)
    top, bottom = _cloth(rng, 0.45), _cloth(rng, 0.75)
    suit = rng.random() < 0.15  # one colour from neck to ankle
    paints = {
        "skin": Paint(colour=skin),
        "hair": Paint(colour=hair, gloss=0.10),
        "top": top,
        "bottom": top if suit else bottom,
        "shoe": _cloth(rng, 1.0),
        "sole": Paint(colour=_colour(rng)),
        "trim": _cloth(rng, 1.0),
    }
    if rng.random() < 0.25:
        paints["sleeve"] = _cloth(rng, 0.6)
    if rng.random() < 0.4:
        paints["hat"] = _cloth(rng, 0.8)
    if outfit.gloves > 0:
        paints["hand"] = Paint(colour=_colour(rng), gloss=0.05)
    return Character(
        build=random_build(rng),
        outfit=outfit,
        face=random_face(rng, hair, skin),
        scene=random_scene(rng),
        paints=paints,
    )


def random_camera(rng: np.random.Generator, width: int, height: int) -> Camera:
    """A view of a figure: mostly the full body, also from the knees or the waist up."""
    distance, x = float(rng.uniform(3.2, 6.0)), float(rng.uniform(-0.06, 0.06))
    kind = rng.random()
    if kind < 0.72:
        fill, y = rng.uniform(0.66, 0.86), rng.uniform(0.88, 1.02)
    elif kind < 0.88:
        fill, y = rng.uniform(1.0, 1.25), rng.uniform(1.15, 1.3)
    else:
        fill, y = rng.uniform(1.4, 1.9), rng.uniform(1.3, 1.42)
    return Camera(
        width=width, height=height, fill=float(fill), centre=(x, float(y)), distance=distance
    )
