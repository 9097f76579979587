"""Portraits of the synthetic world in plain clothes of colours that have names, and their corpus.

One ``.npz`` holds ``SHEET`` portraits of one size, named by its seed, written whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animate.training.corpus import Bucket, spread
from animate.training.synthetic import (
    Character,
    Face,
    Paint,
    Scene,
    library_motion,
    random_person,
    random_view,
    render,
    select,
    stack,
)
from animate.training.synthetic.background import WALL_Z
from animate.training.synthetic.caption import COLOURS as TINTS
from animate.training.synthetic.caption import PATTERN_WORDS
from animate.training.synthetic.caption import SKINS as TONES
from animate.training.synthetic.character import Colour
from animate.training.synthetic.wardrobe import near, pick
from animate.training.wording import Facts

SHORT_SIDE = 80  # pixels
BUCKETS = (
    Bucket(width=80, height=120, share=0.66),
    Bucket(width=80, height=80, share=0.17),
    Bucket(width=120, height=80, share=0.17),
)
SHEET = 16  # portraits a file, so that one size is read at once
POSES = 2  # of one character: drawing it is half the work

# Colours that one word tells apart from all others here; sRGB as in synthetic/caption.py.
NAMED = (
    "black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink",
    "brown", "turquoise",
)  # fmt: skip
COLOURS = {name: TINTS[name] for name in NAMED}
HAIR = {
    "black": (22, 18, 18), "brown": (92, 58, 36), "blond": (222, 190, 124), "red": (160, 66, 30),
    "grey": (165, 165, 170),
}  # fmt: skip
COLOUR_SPREAD, HAIR_SPREAD = 12.0, 8.0  # levels of 255 around the named colour
PATTERNS = ("rings", "stripes", "dots", "checks")
PLAIN = 0.92  # share of the shirts
SCENES, SCENE_SHARES = ("plain", "room"), (0.6, 0.4)
ARRAYS = ("frames", "parts", "keypoints", "scores", "depth")


@dataclass(frozen=True, kw_only=True, eq=False)
class Portraits:
    """N portraits of one size and all that is known of them.

    frames (N, H, W, 3) uint8; parts (N, H, W) uint8, 0 background, 1 body, 2 hand, 3 head;
    keypoints (N, 133, 2) pixels; scores (N, 133), 0 for what is not to be seen; depth (N, H, W)
    float16 metres, the wall's behind the figure; facts: N. size: (width, height).
    """

    frames: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    scores: NDArray[np.float32]
    depth: NDArray[np.float16]
    facts: tuple[Facts, ...]

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.frames.shape[2], self.frames.shape[1]


def render_portraits(seed: int, count: int = SHEET, *, skin: Colour | None = None) -> Portraits:
    """Render ``count`` portraits of one size, ``POSES`` of each character; skin: sRGB for all."""
    rng = np.random.default_rng([seed, SHORT_SIDE])
    bucket = BUCKETS[rng.choice(len(BUCKETS), p=[b.share for b in BUCKETS])]
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in ARRAYS}
    facts: list[Facts] = []
    while len(facts) < count:
        arrays, told = _character(rng, bucket, skin)
        for name in ARRAYS:
            parts[name].append(arrays[name])
        facts += told
    whole = {name: np.concatenate(found)[:count] for name, found in parts.items()}
    return Portraits(**whole, facts=tuple(facts[:count]))


def build_portraits(
    folder: Path,
    sheets: int,
    *,
    first_seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Render the sheets ``first_seed .. first_seed + sheets - 1`` that the folder still lacks."""
    seeds = range(first_seed, first_seed + sheets)
    missing = [seed for seed in seeds if not _sheet(folder, seed).exists()]
    work = spread(partial(_write, folder), missing, workers)
    for done, _ in enumerate(work, start=sheets - len(missing) + 1):
        if progress:
            progress(done, sheets)


def load_portraits(folder: Path) -> list[Portraits]:
    """Every portrait of a corpus, one stack a size. Raises FileNotFoundError if there is none."""
    sheets = [_read(path) for path in sorted(folder.glob("*.npz"))]
    if not sheets:
        raise FileNotFoundError(f"{folder}: no portraits there; render some with build_portraits")
    sizes = sorted({sheet.size for sheet in sheets})
    return [_joined([sheet for sheet in sheets if sheet.size == size]) for size in sizes]


def _character(
    rng: np.random.Generator, bucket: Bucket, skin: Colour | None
) -> tuple[dict[str, NDArray[Any]], list[Facts]]:
    character, worded = _dressed(rng)
    if skin is not None:
        character = replace(character, paints={**character.paints, "skin": Paint(colour=skin)})
    camera, framing = random_view(rng, bucket.width, bucket.height, character.build.height)
    motion, action = library_motion(rng)
    times = rng.uniform(0, 10, size=POSES)
    made = render(stack([select(motion(at[None]), 0) for at in times]), character, camera)
    far = camera.distance - WALL_Z
    arrays = {
        "frames": made.frames,
        "parts": made.parts,
        "keypoints": made.keypoints.astype(np.float32),
        "scores": made.scores.astype(np.float32),
        "depth": np.where(np.isfinite(made.depth), made.depth, far).astype(np.float16),
    }
    return arrays, [Facts(**worded, action=action, framing=framing)] * POSES


def _dressed(rng: np.random.Generator) -> tuple[Character, dict[str, str]]:
    """A person in clothes whose colours have names, without what hides hair and face."""
    person = random_person(rng)
    shirt, legs, wall = (pick(rng, NAMED) for _ in range(3))
    hair = pick(rng, tuple(HAIR))
    pattern = "plain" if rng.random() < PLAIN else pick(rng, PATTERNS)
    top = Paint(
        colour=near(rng, COLOURS[shirt], COLOUR_SPREAD),
        second=near(rng, COLOURS[pick(rng, NAMED)], COLOUR_SPREAD),
        pattern=pattern,
        scale=float(rng.uniform(0.04, 0.11)),
    )
    tinted = near(rng, HAIR[hair], HAIR_SPREAD)
    paints = {
        **{name: person.paints[name] for name in ("skin", "shoe", "sole")},
        "hair": Paint(colour=tinted, gloss=0.08),
        "top": top,
        "bottom": Paint(colour=near(rng, COLOURS[legs], COLOUR_SPREAD)),
    }
    outfit = replace(
        person.outfit, hat="none", pads=False, gloves=0.0, gown=0.0, stool=False, belt=False
    )
    if outfit.hair == "bald":
        outfit = replace(outfit, hair="crop")
    seen = replace(person, outfit=outfit, paints=paints, face=_face(person.face, tinted))
    worded = {
        "noun": "a woman" if person.build.bust > 0 and rng.random() < 0.5 else "a person",
        "shirt": f"{PATTERN_WORDS[pattern]} {shirt}" if pattern in PATTERN_WORDS else shirt,
        "worn": "skirt" if outfit.skirt else "shorts" if outfit.legs < 0.6 else "trousers",
        "legs": legs,
        "hair": hair,
        "skin": next(w for most, w in TONES if np.mean(seen.paint("skin").colour) < most),
        "place": wall,
    }
    return replace(seen, scene=_place(rng, person.scene, wall)), worded


def _face(face: Face, hair: tuple[float, float, float]) -> Face:
    red, green, blue = hair
    return replace(face, mask="none", brows=(red * 0.8, green * 0.8, blue * 0.8))


def _place(rng: np.random.Generator, scene: Scene, wall: str) -> Scene:
    """A wall of a named colour in even light, so that the colour stays what it is called."""
    tint = near(rng, COLOURS[wall], COLOUR_SPREAD)
    return replace(
        scene,
        kind=pick(rng, SCENES, SCENE_SHARES),
        wall=tint,
        floor=near(rng, tint, 40.0),
        ambient=float(rng.uniform(0.45, 0.6)),
        key=float(rng.uniform(0.6, 0.9)),
    )


def _sheet(folder: Path, seed: int) -> Path:
    return folder / f"{seed:06d}.npz"


def _write(folder: Path, seed: int) -> None:
    import torch

    torch.set_num_threads(1)
    made = render_portraits(seed)
    folder.mkdir(parents=True, exist_ok=True)
    target = _sheet(folder, seed)
    partial_file = target.with_suffix(".part")
    told = json.dumps([asdict(one) for one in made.facts])
    with partial_file.open("wb") as file:
        np.savez_compressed(
            file, facts=np.array(told), **{name: getattr(made, name) for name in ARRAYS}
        )
    os.replace(partial_file, target)


def _read(path: Path) -> Portraits:
    with np.load(path, allow_pickle=False) as data:
        facts = tuple(Facts(**one) for one in json.loads(str(data["facts"])))
        return Portraits(**{name: data[name] for name in ARRAYS}, facts=facts)


def _joined(sheets: list[Portraits]) -> Portraits:
    whole = {name: np.concatenate([getattr(one, name) for one in sheets]) for name in ARRAYS}
    return Portraits(**whole, facts=tuple(fact for one in sheets for fact in one.facts))
