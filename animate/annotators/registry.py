"""Who makes maps of which kind: a table of methods, each opened when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from animate.annotators.kinds import Kind, kind_of
from animate.annotators.settings import MapSettings
from animate.errors import UsageError

Frame = NDArray[np.uint8]  # (H, W, 3) RGB


class Make(Protocol):
    """What a method is: a picture (H, W, 3) uint8 in, a map (H, W, 3) uint8 out.

    If it has `close`, that is called once, at the end.
    """

    def __call__(self, picture: Frame, /) -> Frame: ...


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to make maps of a kind.

    open_it: from the settings to the maker; imports and loads what that needs. weights: the key in
    learned.WEIGHTS of what must lie here; None: it works everywhere, offline.
    """

    kind: str
    name: str
    purpose: str
    open_it: Callable[[MapSettings], Make]
    weights: str | None = None

    def at_hand(self, settings: MapSettings) -> bool:
        """Whether its weights lie here."""
        if self.weights is None:
            return True
        from animate.annotators.learned import find_weights

        return find_weights(self.weights, settings.model) is not None


class Annotator:
    """A method that is open: call it with pictures, and close it or use it in a `with` block."""

    def __init__(self, method: Method, settings: MapSettings) -> None:
        self.kind: Kind = kind_of(method.kind)
        self.method = method.name
        self._make = method.open_it(settings)

    def __call__(self, picture: Frame) -> Frame:
        """The map (H, W, 3) uint8 of a picture (H, W, 3) uint8, of the same size."""
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(f"expected (H, W, 3) uint8, got {picture.shape} {picture.dtype}")
        made = self._make(picture)
        if made.shape != picture.shape or made.dtype != np.uint8:
            raise ValueError(
                f"{self.method} made {made.shape} {made.dtype} of {picture.shape}, a bug in it"
            )
        return made

    def __enter__(self) -> Annotator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free what the method holds."""
        getattr(self._make, "close", lambda: None)()


def _pose(settings: MapSettings) -> Make:
    from animate.annotators.people import skeletons

    return skeletons(settings.look, settings.pose_backend)


def _canny(settings: MapSettings) -> Make:
    from animate.annotators.edges import canny

    return lambda picture: canny(picture, settings.low, settings.high)


def _person(settings: MapSettings) -> Make:
    from animate.annotators.people import PersonMask

    return PersonMask()


def _classical(settings: MapSettings) -> Make:
    from animate.annotators.softedge import softedge

    return lambda picture: softedge(picture, thin=settings.thin)


def _hed(settings: MapSettings) -> Make:
    from animate.annotators.hed import open_hed
    from animate.annotators.learned import require_weights

    return open_hed(require_weights("hed", settings.model), settings.device, thin=settings.thin)


def _lsd(settings: MapSettings) -> Make:
    from animate.annotators.straight import straight_lines

    return lambda picture: straight_lines(picture, settings.shortest)


def _learned(opener: str) -> Callable[[MapSettings], Make]:
    def open_it(settings: MapSettings) -> Any:
        from animate.annotators import learned

        return getattr(learned, opener)(settings)

    return open_it


# Of a kind's methods, the first whose weights lie here is taken unless another is named.
_METHODS: list[Method] = [
    Method(kind="pose", name="pose", purpose="this project's pose tracker", open_it=_pose),
    Method(kind="canny", name="canny", purpose="Canny's edges", open_it=_canny),
    Method(
        kind="depth",
        name="transformers",
        purpose="a depth-estimation model",
        open_it=_learned("open_depth"),
        weights="depth",
    ),
    Method(kind="mask", name="mediapipe", purpose="segmentation", open_it=_person),
    Method(
        kind="segmentation",
        name="transformers",
        purpose="a semantic segmentation model",
        open_it=_learned("open_segmentation"),
        weights="segmentation",
    ),
    Method(kind="softedge", name="hed", purpose="ControlNet's HED", open_it=_hed, weights="hed"),
    Method(kind="softedge", name="classical", purpose="no network", open_it=_classical),
    Method(
        kind="lines", name="mlsd", purpose="M-LSD", open_it=_learned("open_mlsd"), weights="mlsd"
    ),
    Method(kind="lines", name="lsd", purpose="OpenCV's LSD", open_it=_lsd),
]


def register_method(method: Method, *, first: bool = False) -> None:
    """Offer another way to make maps; first: prefer it. Raises UsageError for an unknown kind."""
    kind_of(method.kind)
    _METHODS[:] = [m for m in _METHODS if (m.kind, m.name) != (method.kind, method.name)]
    _METHODS.insert(0 if first else len(_METHODS), method)


def methods(kind: str) -> list[Method]:
    """The ways to make maps of a kind, preferred first. Raises UsageError for an unknown kind."""
    kind_of(kind)
    return [method for method in _METHODS if method.kind == kind]


def open_annotator(
    kind: str, method: str = "auto", settings: MapSettings | None = None
) -> Annotator:
    """Open a way to make maps of a kind, "auto": the first whose weights lie here.

    Raises UsageError for unknown names and ModelError, saying what to fetch, if nothing is here.
    """
    settings = settings or MapSettings()
    known = methods(kind)
    if method == "auto":
        chosen = next((one for one in known if one.at_hand(settings)), known[-1])
        return Annotator(chosen, settings)
    for one in known:
        if one.name == method:
            return Annotator(one, settings)
    names = ", ".join(["auto", *(one.name for one in known)])
    raise UsageError(f"unknown method {method!r} for {kind}; known: {names}")
