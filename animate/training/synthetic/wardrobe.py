"""Random characters: bodies, clothes, faces and places of great variety."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

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
# What random_character draws from. Its choices never change, so that a seed stays one character;
# random_person adds to them.
CLOTH_PATTERNS = tuple(PATTERNS)[:13]
PLAIN_HAIR, PLAIN_SCENES = HAIR[:10], SCENES[:8]


def pick(
    rng: np.random.Generator, options: Sequence[_T], odds: Sequence[float] | None = None
) -> _T:
    weights = None if odds is None else np.array(odds) / np.sum(odds)
    return options[int(rng.choice(len(options), p=weights))]


def any_colour(rng: np.random.Generator) -> Colour:
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


def near(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    red, green, blue = np.clip(np.array(colour) + rng.uniform(-spread, spread, 3), 5, 252)
    return float(red), float(green), float(blue)


def cloth(rng: np.random.Generator, plain: float) -> Paint:
    pattern = "plain" if rng.random() < plain else pick(rng, CLOTH_PATTERNS)
    return Paint(
        colour=any_colour(rng),
        second=any_colour(rng),
        pattern=pattern,
        scale=float(rng.uniform(0.03, 0.11)),
        gloss=float(pick(rng, (0.01, 0.02, 0.06, 0.15))),
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
        sleeves=float(pick(rng, (0.0, 0.3, 0.42, 0.7, 1.0), (1, 2, 3, 1, 4))),
        legs=float(pick(rng, (0.25, 0.48, 0.75, 1.0), (1, 2, 1, 6))),
        loose=float(rng.uniform(0.002, 0.016)),
        skirt=bool(rng.random() < 0.12),
        collar=bool(rng.random() < 0.25),
        belt=bool(rng.random() < 0.3),
        hem=float(pick(rng, (0.06, 0.03, -0.03, -0.06))),
        gloves=float(pick(rng, (0.0, 0.08, 0.4), (6, 1, 1))),
        boots=float(pick(rng, (0.0, 0.3, 0.8), (5, 1, 1))),
        pads=bool(rng.random() < 0.08),
        hair=pick(rng, PLAIN_HAIR),
        hat=pick(rng, HATS, (10, 2, 1, 1, 1, 1, 1)),
    )


def random_face(rng: np.random.Generator, hair: Colour, skin: Colour) -> Face:
    """Eyes, lips, beards, glasses and now and then a mask."""
    red, green, blue = skin
    lips = near(rng, (red * 0.85 + 8, green * 0.58, blue * 0.62), 18)
    masked = rng.random() < 0.2
    return Face(
        iris=pick(rng, IRISES),
        lips=lips,
        brows=(hair[0] * 0.8, hair[1] * 0.8, hair[2] * 0.8),
        eyes=float(rng.uniform(0.9, 1.25)),
        beard=float(rng.uniform(0.3, 0.95)) if rng.random() < 0.2 else 0.0,
        glasses=bool(rng.random() < 0.15),
        mask=pick(rng, ("domino", "cowl", "lower", "full")) if masked else "none",
        mask_paint=Paint(colour=any_colour(rng), second=any_colour(rng)),
    )


def random_scene(rng: np.random.Generator) -> Scene:
    """Plain, busy, dark and bright places, lit from anywhere in front or above."""
    wall = any_colour(rng)
    if rng.random() < 0.15:
        wall = pick(rng, ((3.0, 3.0, 3.0), (250.0, 250.0, 250.0), (40.0, 170.0, 70.0)))
    x = float(rng.uniform(-0.9, 0.9))
    return Scene(
        kind=pick(rng, PLAIN_SCENES, (5, 2, 1, 1, 1, 2, 1, 1)),
        wall=wall,
        floor=near(rng, wall, 50) if rng.random() < 0.5 else any_colour(rng),
        accent=any_colour(rng),
        light=(x, float(rng.uniform(0.35, 0.95)), float(rng.uniform(0.35, 0.9))),
        ambient=float(rng.uniform(0.32, 0.55)),
        key=float(rng.uniform(0.60, 1.0)),
        rim=float(rng.uniform(0.0, 0.3)),
        seed=int(rng.integers(2**31)),
    )


def random_character(rng: np.random.Generator) -> Character:
    """One character, in one place, from a seeded generator."""
    skin = near(rng, pick(rng, SKIN_TONES), 10)
    hair = near(rng, pick(rng, HAIR_COLOURS), 8)
    outfit = random_outfit(rng)
    top, bottom = cloth(rng, 0.45), cloth(rng, 0.75)
    suit = rng.random() < 0.15  # one colour from neck to ankle
    paints = {
        "skin": Paint(colour=skin),
        "hair": Paint(colour=hair, gloss=0.10),
        "top": top,
        "bottom": top if suit else bottom,
        "shoe": cloth(rng, 1.0),
        "sole": Paint(colour=any_colour(rng)),
        "trim": cloth(rng, 1.0),
    }
    if rng.random() < 0.25:
        paints["sleeve"] = cloth(rng, 0.6)
    if rng.random() < 0.4:
        paints["hat"] = cloth(rng, 0.8)
    if outfit.gloves > 0:
        paints["hand"] = Paint(colour=any_colour(rng), gloss=0.05)
    return Character(
        build=random_build(rng),
        outfit=outfit,
        face=random_face(rng, hair, skin),
        scene=random_scene(rng),
        paints=paints,
    )
