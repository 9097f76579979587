"""The two characters of the samples: the dancer and the masked hero."""

from __future__ import annotations

from .character import Character, Face, Outfit, Paint, Scene
from .frames import Build

DANCER = Character(
    build=Build(girth=0.98, head=1.14, hands=1.16),
    outfit=Outfit(sleeves=0.42, legs=1.0, loose=0.009, hem=-0.03, hair="short"),
    face=Face(iris=(84, 58, 38), lips=(186, 100, 92), brows=(48, 32, 24), eyes=1.08),
    scene=Scene(
        wall=(182, 206, 210), floor=(126, 134, 148), light=(-0.45, 0.75, 0.65), ambient=0.44,
        key=0.84,
    ),
    paints={
        "skin": Paint(colour=(224, 172, 140)),
        "hair": Paint(colour=(54, 34, 24), gloss=0.08),
        "top": Paint(colour=(232, 120, 64), second=(252, 240, 220), pattern="panel", scale=0.045),
        "sleeve": Paint(colour=(250, 236, 214)),
        "bottom": Paint(colour=(46, 62, 102)),
        "shoe": Paint(colour=(236, 236, 232)),
        "sole": Paint(colour=(226, 96, 60)),
    },
)  # fmt: skip

HERO = Character(
    build=Build(girth=1.06, shoulders=1.12, belly=0.98, hips=0.98, head=1.14, hands=1.18),
    outfit=Outfit(
        sleeves=1.0, legs=1.0, loose=0.002, belt=True, collar=True, gloves=0.45, boots=0.72,
        hair="swept",
    ),
    face=Face(
        iris=(60, 110, 120), lips=(170, 92, 78), brows=(110, 24, 58), eyes=1.15, mask="domino",
        mask_paint=Paint(colour=(42, 30, 104), second=(250, 168, 44)),
    ),
    scene=Scene(
        wall=(214, 206, 222), floor=(150, 140, 166), light=(0.50, 0.75, 0.65), ambient=0.46,
        key=0.86, rim=0.2,
    ),
    paints={
        "skin": Paint(colour=(206, 150, 114)),
        "hair": Paint(colour=(150, 30, 78), gloss=0.12),
        "top": Paint(colour=(16, 140, 128), second=(250, 168, 44), pattern="badge", scale=0.085,
                     gloss=0.06),
        "sleeve": Paint(colour=(16, 140, 128), gloss=0.06),
        "bottom": Paint(colour=(42, 30, 104), gloss=0.06),
        "leg": Paint(colour=(42, 30, 104), gloss=0.06),
        "hand": Paint(colour=(250, 150, 40), gloss=0.05),
        "shoe": Paint(colour=(250, 150, 40), gloss=0.08),
        "sole": Paint(colour=(60, 40, 50)),
        "trim": Paint(colour=(252, 206, 84), gloss=0.10),
        "belt": Paint(colour=(250, 150, 40), gloss=0.08),
    },
)  # fmt: skip
