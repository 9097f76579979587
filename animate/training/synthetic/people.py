"""Random people for training: everything `random_character` draws, and much more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .character import HAIR, PATTERNS, SCENES, Character, Outfit, Paint, Scene
from .frames import Build
from .wardrobe import any_colour, near, pick, random_character

WOMENS_HAIR = ("long", "bob", "bun", "tail", "fringe", "curls", "braids", "mane", "bunches", "afro")
MENS_HAIR = ("crop", "short", "swept", "bald", "spikes", "afro", "curls", "tail", "short", "crop")
BUSY_SCENES = SCENES[8:]
STREET_COLOURS = (  # what most people wear, sRGB
    (24, 24, 28), (40, 46, 62), (58, 74, 110), (92, 96, 104), (150, 150, 152), (226, 224, 218),
    (244, 244, 244), (120, 92, 66), (178, 150, 116), (92, 34, 40), (70, 84, 58), (200, 196, 180),
)  # fmt: skip


def random_person(rng: np.random.Generator) -> Character:
    """One person of either sex, dressed from plain street clothes to costumes, in some place."""
    base = random_character(rng)
    woman = bool(rng.random() < 0.5)
    outfit = _outfit(rng, base.outfit, woman)
    paints = {name: _matt(rng, paint) for name, paint in base.paints.items()}
    for name, plain in (("top", 0.45), ("bottom", 0.75)):
        if rng.random() < 0.75:
            paints[name] = _fabric(rng, plain)
    if rng.random() < 0.1:
        paints["bottom"] = replace(paints["top"])
    face = base.face
    if woman or rng.random() < 0.5:
        face = replace(face, beard=0.0)
    if face.mask != "none" and rng.random() < 0.4:
        face = replace(face, mask="none")
    return replace(
        base,
        build=_build(rng, base.build, woman),
        outfit=outfit,
        face=face,
        scene=_scene(rng, base.scene),
        paints=paints,
    )


def _build(rng: np.random.Generator, build: Build, woman: bool) -> Build:
    natural = rng.random() < 0.6  # else the large head and hands of a cartoon
    head = float(rng.uniform(1.0, 1.16)) if natural else build.head
    hands = float(rng.uniform(0.98, 1.16)) if natural else build.hands
    if not woman:
        return replace(build, head=head, hands=hands)
    return replace(
        build,
        girth=float(np.clip(build.girth - 0.05, 0.78, 1.35)),
        shoulders=build.shoulders * 0.93,
        hips=min(build.hips * 1.06, 1.18),
        bust=float(rng.uniform(0.2, 1.0)),
        head=head,
        hands=hands,
    )


def _outfit(rng: np.random.Generator, outfit: Outfit, woman: bool) -> Outfit:
    hair = pick(rng, WOMENS_HAIR if woman else MENS_HAIR)
    changed = replace(
        outfit,
        hair=hair if rng.random() < 0.85 else pick(rng, HAIR),
        sleeves=float(pick(rng, (0.0, rng.uniform(0.2, 0.95), 0.42, 1.0), (1, 3, 2, 4))),
        legs=float(pick(rng, (rng.uniform(0.2, 0.95), 0.48, 1.0), (2, 1, 4))),
        loose=float(rng.uniform(0.002, 0.022)),
        skirt=bool(rng.random() < (0.15 if woman else 0.02)),
        hat=outfit.hat if rng.random() < 0.7 else "none",
    )
    if rng.random() < (0.22 if woman else 0.03):
        reach = float(rng.uniform(0.35, 1.0))
        # a leg that is lifted out of the bell wears the same cloth as far down
        return replace(changed, gown=reach, skirt=False, legs=0.8 * reach, boots=0.0, belt=False)
    return changed


def _matt(rng: np.random.Generator, paint: Paint) -> Paint:
    """Cloth shines less than the costumes of `random_character` do."""
    return replace(paint, gloss=min(paint.gloss, 0.06)) if rng.random() < 0.8 else paint


def _fabric(rng: np.random.Generator, plain: float) -> Paint:
    worn = near(rng, pick(rng, STREET_COLOURS), 14)
    colour = worn if rng.random() < 0.5 else any_colour(rng)
    second = near(rng, colour, 45) if rng.random() < 0.4 else any_colour(rng)
    pattern = "plain" if rng.random() < plain else pick(rng, tuple(PATTERNS))
    scale, gloss = float(rng.uniform(0.025, 0.11)), float(pick(rng, (0.0, 0.01, 0.02, 0.05)))
    return Paint(colour=colour, second=second, pattern=pattern, scale=scale, gloss=gloss)


def _scene(rng: np.random.Generator, scene: Scene) -> Scene:
    if rng.random() < 0.4:
        scene = replace(scene, kind=pick(rng, BUSY_SCENES))
    if rng.random() < 0.25:  # from soft to harsh, from dim to bright
        scene = replace(
            scene, ambient=float(rng.uniform(0.2, 0.7)), key=float(rng.uniform(0.3, 1.15))
        )
    return scene
