"""Control maps and captions by name: what comes along, and what others may add."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from animate.annotators import KINDS, open_annotator
from animate.errors import ModelError, UsageError

Frame = NDArray[np.uint8]  # (H, W, 3) RGB
Describe = Callable[[Frame], str]
Kind = TypeVar("Kind")

CAPTION_TOKENS = 40


@dataclass(frozen=True)
class Annotator:
    """Makes a control map (H, W, 3) uint8 of a picture (H, W, 3).

    quick: it is made when a sample is loaded, from the cropped picture, and never stored.
    """

    make: Callable[[Frame], Frame]
    quick: bool = False


def _offline(kind: str) -> Callable[[Frame], Frame]:
    """Makes maps of a kind by this project's annotators, opened once, when first needed."""
    return lambda picture: _opened(kind)(picture)


@cache
def _opened(kind: str) -> Callable[[Frame], Frame]:
    return open_annotator(kind)


# Skeletons are no annotator here: they come from the poses that a data set holds.
_ANNOTATORS: dict[str, Annotator] = {
    kind: Annotator(_offline(kind), quick=kind == "canny") for kind in KINDS if kind != "pose"
}
_CAPTIONERS: dict[str, Callable[[], Describe]] = {}


def register_annotator(name: str, annotator: Annotator) -> None:
    """Offer a kind of control map under a name."""
    _ANNOTATORS[name] = annotator


def register_captioner(name: str, open_it: Callable[[], Describe]) -> None:
    """Offer a captioner; `open_it` loads it when it is first needed."""
    _CAPTIONERS[name] = open_it
    captioner.cache_clear()


def annotator(name: str) -> Annotator:
    """Raises UsageError for an unknown name."""
    return _find("annotator", name, _ANNOTATORS)


@lru_cache(maxsize=1)
def captioner(name: str) -> Describe:
    """A registered captioner, or `blip:FOLDER` with a BLIP model in Transformers' layout.

    Raises UsageError for an unknown name and ModelError if the folder does not hold one.
    """
    kind, colon, folder = name.partition(":")
    if kind == "blip" and colon:
        return _open_blip(folder)
    return _find("captioner", name, _CAPTIONERS)()


def _find(kind: str, name: str, known: dict[str, Kind]) -> Kind:
    if name not in known:
        names = [*known, *(["blip:FOLDER"] if kind == "captioner" else [])]
        raise UsageError(f"unknown {kind} {name!r}; known: {', '.join(names)}")
    return known[name]


def _open_blip(folder: str) -> Describe:
    from transformers import BlipForConditionalGeneration, BlipProcessor

    try:
        processor = BlipProcessor.from_pretrained(folder, local_files_only=True)
        model = BlipForConditionalGeneration.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"{folder} holds no BLIP captioner ({reason}); download one, for example "
            "Salesforce/blip-image-captioning-base, and name its folder"
        ) from error
    model.eval()

    def describe(picture: Frame) -> str:
        import torch

        with torch.inference_mode():
            tokens = model.generate(
                **processor(images=picture, return_tensors="pt"), max_new_tokens=CAPTION_TOKENS
            )
        return str(processor.decode(tokens[0], skip_special_tokens=True)).strip()

    return describe
