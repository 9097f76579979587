"""The kinds of control maps: what a map of each kind shows, as plain facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from animate.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a map (H, W, 3) uint8 of one kind looks like; all are drawn on black.

    tones: "two" (black and white), "grey" (three equal channels) or "colours". bright: what the
    bright pixels mean. thin: strokes, which a plain reduction would wash out. flat: neighbouring
    values mean different things, so that they must never be mixed. short_side: pixels at which the
    official annotators look at a picture, the scale that checkpoints have seen.
    """

    name: str
    tones: Literal["two", "grey", "colours"]
    bright: str
    thin: bool = False
    flat: bool = False
    short_side: int = 512


# Conventions of ControlNet's annotators (github.com/lllyasviel/ControlNet, annotator/*), which
# ControlNeXt's checkpoints for stills share.
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name="pose", tones="colours", bright="limbs and joints, each in its colour"),
        Kind(name="canny", tones="two", bright="edges, one pixel wide", thin=True),
        Kind(name="depth", tones="grey", bright="what is near"),
        Kind(name="mask", tones="two", bright="the person", flat=True),
        Kind(
            name="segmentation", tones="colours", bright="classes, in ADE20K's colours", flat=True
        ),
        Kind(name="softedge", tones="grey", bright="outlines, the brighter the surer"),
        Kind(name="lines", tones="two", bright="straight lines", thin=True),
    )
}


def kind_of(name: str) -> Kind:
    """The facts of a kind. Raises UsageError for an unknown name."""
    if name not in KINDS:
        raise UsageError(f"unknown kind of control map {name!r}; known: {', '.join(KINDS)}")
    return KINDS[name]
