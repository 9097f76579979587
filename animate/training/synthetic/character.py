"""What a character looks like: build, clothes, paints, face and the scene around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .frames import Build

Colour = tuple[float, float, float]  # sRGB, 0 to 255

PATTERNS = {
    name: i
    for i, name in enumerate(
        (
            "plain", "rings", "stripes", "dots", "checks", "panel", "fade", "halves", "camouflage",
            "diagonal", "badge", "yoke", "sides", "plaid", "weave", "print", "blooms", "text",
        )
    )
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Paint:
    """A surface: colour, a second colour laid on by a pattern of size `scale` metres, gloss."""

    colour: Colour
    second: Colour = (240.0, 240.0, 240.0)
    pattern: str = "plain"
    scale: float = 0.06
    gloss: float = 0.02

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS:
            raise ValueError(
                f"pattern {self.pattern!r} is not known: choose from {', '.join(PATTERNS)}"
            )


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """Which clothes and hair there are; lengths are parts of the limb that they cover."""

    sleeves: float = 0.4  # 0 none, 0.4 short, 1 to the wrist
    legs: float = 1.0  # 0.45 shorts, 1 to the ankle
    loose: float = 0.006  # metres between skin and cloth
    skirt: bool = False
    gown: float = 0.0  # 0 none, else how far a wide skirt reaches down to the ankle, 0 to 1
    stool: bool = False  # sits on one
    collar: bool = False
    belt: bool = False
    hem: float = 0.06  # where the top ends, metres above the hips; below 0 it hangs over them
    gloves: float = 0.0  # 0 none, 0.08 to the wrist, 0.5 half the forearm
    boots: float = 0.0  # part of the shin
    pads: bool = False  # shoulder and knee pads
    hair: str = "short"  # one of HAIR
    hat: str = "none"  # one of HATS


HAIR = (
    "bald", "crop", "short", "swept", "long", "bob", "bun", "tail", "afro", "spikes", "fringe",
    "curls", "braids", "mane", "bunches",
)  # fmt: skip
HATS = ("none", "cap", "beanie", "brim", "helmet", "ears", "headphones")
MASKS = ("none", "domino", "cowl", "lower", "full")


@dataclass(frozen=True, kw_only=True)
class Face:
    """Painted features, and a mask over some of them."""

    iris: Colour = (84.0, 58.0, 38.0)
    lips: Colour = (178.0, 88.0, 84.0)
    brows: Colour = (50.0, 32.0, 24.0)
    eyes: float = 1.0  # size
    beard: float = 0.0  # 0 none, 1 full
    glasses: bool = False
    mask: str = "none"  # one of MASKS
    mask_paint: Paint = Paint(colour=(40.0, 40.0, 46.0))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Background and light; `wall` and `floor` are sRGB, `light` points at the lamp."""

    kind: str = "room"  # one of SCENES
    wall: Colour = (196.0, 192.0, 186.0)
    floor: Colour = (150.0, 138.0, 126.0)
    accent: Colour = (120.0, 150.0, 190.0)
    light: tuple[float, float, float] = (-0.45, 0.75, 0.65)
    ambient: float = 0.42
    key: float = 0.85
    rim: float = 0.10
    seed: int = 0


SCENES = (
    "room", "plain", "fade", "noise", "spot", "blocks", "stripes", "window", "bricks", "tiles",
    "shelves", "leaves", "street", "clutter",
)  # fmt: skip

SKIN = ("skin", "face", "hand", "neck")


@dataclass(frozen=True, kw_only=True)
class Character:
    """All that makes one figure look like itself; `paints` by material, "skin" at least."""

    build: Build = field(default_factory=Build)
    outfit: Outfit = Outfit()
    face: Face = Face()
    scene: Scene = Scene()
    paints: Mapping[str, Paint] = field(default_factory=dict)

    def paint(self, material: str) -> Paint:
        """The paint of a material; parts without their own take that of what they belong to."""
        for name in (material, *FALLBACK.get(material, ())):
            if name in self.paints:
                return self.paints[name]
        return Paint(colour=(128.0, 128.0, 128.0))


FALLBACK: dict[str, tuple[str, ...]] = {
    "face": ("skin",),
    "hand": ("skin",),
    "neck": ("skin",),
    "sleeve": ("top",),
    "leg": ("bottom",),
    "sole": ("shoe",),
    "belt": ("trim", "bottom"),
    "hat": ("trim", "top"),
    "extra": ("trim", "top"),
    "trim": ("top",),
}
