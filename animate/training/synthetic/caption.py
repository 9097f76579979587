"""What a picture of a character shows, in words."""

from __future__ import annotations

import cv2
import numpy as np

from .character import Character, Colour, Paint

# sRGB of the words; a colour takes the name of the nearest in CIELAB.
COLOURS: dict[str, tuple[int, int, int]] = {
    "black": (22, 22, 24), "dark grey": (75, 75, 78), "grey": (135, 135, 138),
    "light grey": (190, 190, 192), "white": (244, 244, 242), "red": (200, 36, 40),
    "dark red": (104, 24, 32), "orange": (240, 130, 40), "brown": (110, 72, 44),
    "beige": (214, 188, 150), "yellow": (240, 212, 60), "olive": (118, 118, 50),
    "green": (60, 160, 70), "bright green": (110, 232, 90), "dark green": (28, 72, 44),
    "turquoise": (60, 190, 180), "light blue": (140, 190, 232), "blue": (46, 96, 200),
    "dark blue": (28, 38, 92), "purple": (120, 60, 170), "violet": (180, 140, 224),
    "pink": (240, 150, 190), "magenta": (210, 50, 150),
}  # fmt: skip
PATTERN_WORDS = {
    "rings": "striped", "stripes": "striped", "dots": "dotted", "checks": "chequered",
    "fade": "shaded", "halves": "two-coloured", "camouflage": "camouflage", "diagonal": "striped",
    "plaid": "plaid", "print": "printed", "blooms": "flowered", "weave": "speckled",
}  # fmt: skip
SKINS = ((95, "very dark"), (125, "dark"), (165, "brown"), (205, "tanned"), (256, "fair"))
HAIR_WORDS = {
    "crop": "cropped {} hair", "short": "short {} hair", "swept": "swept {} hair",
    "long": "long {} hair", "bob": "a {} bob", "bun": "{} hair in a bun", "tail": "a {} pony tail",
    "afro": "a {} afro", "spikes": "spiky {} hair", "fringe": "{} hair with a fringe",
    "curls": "{} curls", "braids": "{} braids", "mane": "long wavy {} hair",
    "bunches": "{} hair in bunches", "bald": "a bald head",
}  # fmt: skip
HAT_WORDS = {
    "cap": "a cap", "beanie": "a beanie", "brim": "a hat with a brim", "helmet": "a helmet",
    "ears": "cat ears", "headphones": "headphones",
}  # fmt: skip
PLACE_WORDS = {
    "room": "in a room with a {} wall", "plain": "before a plain {} background",
    "fade": "before a {} gradient", "noise": "before a blurred {} background",
    "spot": "under a spotlight", "blocks": "in a room with pictures on a {} wall",
    "stripes": "before a striped {} wall", "window": "before blurred lights",
    "bricks": "before a {} brick wall", "tiles": "before a tiled {} wall",
    "shelves": "before shelves", "leaves": "before green leaves", "street": "in a street",
    "clutter": "in a cluttered room",
}  # fmt: skip


def colour_name(colour: Colour) -> str:
    """The word for an sRGB colour, 0 to 255."""
    table = np.array([colour, *COLOURS.values()], dtype=np.float32)[None] / 255
    lab = cv2.cvtColor(table, cv2.COLOR_RGB2LAB)[0]
    return list(COLOURS)[int(np.argmin(((lab[1:] - lab[0]) ** 2).sum(-1)))]


def _cloth(paint: Paint, noun: str) -> str:
    words = [colour_name(paint.colour)]
    if paint.pattern in PATTERN_WORDS:
        second = colour_name(paint.second)
        words = [PATTERN_WORDS[paint.pattern], *words]
        words += ["and", second] if second != words[-1] else []
    return " ".join([*words, noun])


def _article(phrase: str) -> str:
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def caption(character: Character, action: str, framing: str) -> str:
    """One sentence: who, dressed how, doing what, where, seen how."""
    build, outfit, face = character.build, character.outfit, character.face
    figure = "heavy" if build.girth > 1.16 else "slim" if build.girth < 0.92 else ""
    noun = "woman" if build.bust > 0 else "person"
    tone = next(name for most, name in SKINS if np.mean(character.paint("skin").colour) < most)
    skin = "skin" if face.mask != "full" else "skin and a masked face"
    sleeves = "sleeveless top" if outfit.sleeves < 0.15 else "short-sleeved top"
    top = _cloth(character.paint("top"), "long-sleeved top" if outfit.sleeves > 0.8 else sleeves)
    worn = "skirt" if outfit.gown or outfit.skirt else "shorts" if outfit.legs < 0.6 else "trousers"
    bottom = _cloth(character.paint("bottom"), worn)
    hair = HAIR_WORDS[outfit.hair].format(colour_name(character.paint("hair").colour))
    extras = [HAT_WORDS[outfit.hat]] if outfit.hat in HAT_WORDS else []
    extras += ["glasses"] if face.glasses else []
    extras += ["a mask"] if face.mask in ("domino", "cowl", "lower") else []
    extras += ["gloves"] if outfit.gloves else []
    who = _article(f"{figure} {noun}".strip())
    below = bottom if worn in ("shorts", "trousers") else _article(bottom)
    wearing = ", ".join([_article(top), below, *extras])
    place = PLACE_WORDS[character.scene.kind].format(colour_name(character.scene.wall))
    doing = action.replace("standing", "sitting") if outfit.stool else action
    seat = ", sitting" if outfit.stool and "sitting" not in doing else ""
    return (
        f"{who} with {tone} {skin} and {hair}, wearing {wearing}, {doing}{seat}, {place}, {framing}"
    )
