"""What the tabs share: the desk, the shelf, what is loaded, and what whoever serves has decided."""

from __future__ import annotations

import re
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from animate.config import MODELS, Settings
from animate.errors import AnimateError, one_line
from animate.kept import LOADING, STILL_LOADING, Kept
from animate.page.runs import Desk
from animate.page.shelf import Shelf
from animate.still_settings import STILL_MODELS, StillSettings

if TYPE_CHECKING:
    from animate.load import Model
    from animate.still_models import StillModel

SAMPLES = Path(__file__).resolve().parents[2] / "samples"  # beside the code in a checkout only


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What whoever serves the page has decided.

    uploads: the folder in which gradio keeps what users send, and what it shows them. models,
    still_models: what can be chosen besides the names that are known anyway, the first is preset;
    folders are for whoever serves to name, never for users. standard: settings that users cannot
    change, such as the device, have these values.
    """

    uploads: Path
    models: tuple[str, ...] = ()
    still_models: tuple[str, ...] = ()
    standard: Settings = field(default_factory=Settings)

    @property
    def choices(self) -> list[str]:
        """The models for films, the preset one first."""
        return list(dict.fromkeys((*self.models, *MODELS)))

    @property
    def still_choices(self) -> list[str]:
        """The models for pictures, the preset one first."""
        return list(dict.fromkeys((*self.still_models, "mini-image", *STILL_MODELS)))


@dataclass(frozen=True, kw_only=True)
class Site:
    """One page being served."""

    offer: Offer
    shelf: Shelf
    desk: Desk = field(default_factory=Desk)
    _film: Kept[Settings, Model] = field(default_factory=lambda: Kept(_load_film, LOADING))
    _still: Kept[StillSettings, StillModel] = field(
        default_factory=lambda: Kept(_load_still, STILL_LOADING)
    )

    def film_model(self, settings: Settings) -> Model:
        """The model for a film, kept until another one is needed; for `animate.animate(load=)`."""
        self._still.drop()
        return self._film(settings)

    def still_model(self, settings: StillSettings) -> StillModel:
        """The base for pictures, likewise."""
        self._film.drop()
        return self._still(settings)

    def shown(self, path: Path) -> str:
        """A result where gradio may serve it from; the folder of results stays closed to users."""
        from gradio.processing_utils import save_file_to_cache

        return str(save_file_to_cache(path, cache_dir=str(self.offer.uploads)))

    def told(self, error: Exception) -> str:
        """An error for its user, in one line without this machine's folders.

        What nobody foresaw is written to the log in full.
        """
        from pose.errors import PoseError
        from temporal.errors import TemporalError

        text = one_line(error)
        if not isinstance(error, (AnimateError, PoseError, TemporalError, OSError, MemoryError)):
            traceback.print_exception(error, file=sys.stderr)
            text = f"unexpected {type(error).__name__}: {text}"
        return self.plain(text)

    def plain(self, text: str) -> str:
        """What is told to users, without this machine's folders."""
        # gradio keeps each file in a folder named by its content.
        text = re.sub(rf"{re.escape(str(self.offer.uploads))}/(?:[0-9a-f]+/)*", "", text)
        return text.replace(f"{self.shelf.folder}/", "")


def _load_film(settings: Settings) -> Model:
    from animate.load import load_model

    return load_model(settings)


def _load_still(settings: StillSettings) -> StillModel:
    from animate.still_models import load_still_model

    return load_still_model(settings)
