"""The control map for a generation: what was given if it is one already, else made of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animate.annotators.kinds import KINDS, kind_of
from animate.annotators.looks import looks_like_map
from animate.annotators.maps import (
    Fit,
    fit_map,
    fit_picture,
    from_values,
    is_cut_out,
    read_map,
    values_of,
)
from animate.annotators.registry import Annotator, open_annotator
from animate.annotators.settings import MapSettings

if TYPE_CHECKING:
    from PIL import Image

Frame = NDArray[np.uint8]  # (H, W, 3) RGB


@dataclass(frozen=True, kw_only=True, eq=False)
class ControlMap:
    """A map (H, W, 3) uint8 and where it comes from.

    method: who made it of a picture; "" if the map itself was given. turned: whether a given map
    was black on white.
    """

    kind: str
    picture: Frame
    method: str = ""
    turned: bool = False


def control_map(
    source: str | os.PathLike[str] | Image.Image | NDArray[Any],
    kind: str,
    *,
    size: tuple[int, int] | None = None,
    fit: Fit = "crop",
    annotate: bool | None = None,
    method: str = "auto",
    settings: MapSettings | None = None,
    annotator: Annotator | None = None,
) -> ControlMap:
    """The control map of a kind, of a map or an ordinary picture.

    size (width, height) and fit: as in `fit_map`; pictures are brought to that size first, so that
    edges are one pixel wide in it. annotate: make a map (True), take what is given as one (False),
    or decide by its looks (None). annotator: one that is open already, of this kind, instead of
    method and settings. Raises pose.VideoError, UsageError and ModelError.
    """
    if not annotate:
        ready = given_map(source, kind, size=size, fit=fit, looked_at=annotate is None)
        if ready is not None:
            return ready
    picture = fit_picture(read_picture(source), size, fit)
    if annotator is not None:
        return ControlMap(kind=kind, picture=annotator(picture), method=annotator.method)
    with open_annotator(kind, method, settings) as made:
        return ControlMap(kind=kind, picture=made(picture), method=made.method)


def given_map(
    source: str | os.PathLike[str] | Image.Image | NDArray[Any],
    kind: str,
    *,
    size: tuple[int, int] | None = None,
    fit: Fit = "crop",
    looked_at: bool = True,
) -> ControlMap | None:
    """What is given as the map it is; None if it does not look like one.

    size, fit: as in `fit_map`. looked_at: False to take it as one whatever it looks
    like. Raises pose.VideoError and UsageError.
    """
    facts = kind_of(kind)
    values = values_of(source)
    given = from_values(values, facts)
    # A coloured photograph must not become grey, and then pass for depth.
    cut = kind == "mask" and is_cut_out(values)
    colours = given if cut or values.shape[2] == 1 else from_values(values, KINDS["pose"])
    if not looked_at or looks_like_map(colours, kind):
        return ControlMap(kind=kind, picture=_fitted(given, kind, size, fit))
    turned = np.asarray(255 - given, dtype=np.uint8)
    if facts.thin and looks_like_map(np.asarray(255 - colours, dtype=np.uint8), kind):
        return ControlMap(kind=kind, picture=_fitted(turned, kind, size, fit), turned=True)
    return None


def read_picture(source: str | os.PathLike[str] | Image.Image | NDArray[Any]) -> Frame:
    """An ordinary picture (H, W, 3) uint8, transparency on white, of a file, picture or array."""
    from pose.pictures import flatten, load_image

    if isinstance(source, (str, os.PathLike)):
        return load_image(source)
    if isinstance(source, np.ndarray):
        return read_map(source, "pose")  # any numbers to 8-bit colours
    return flatten(source)


def _fitted(picture: Frame, kind: str, size: tuple[int, int] | None, fit: Fit) -> Frame:
    return picture if size is None else fit_map(picture, kind, size, fit)
