"""What the tabs share."""

from __future__ import annotations

from pathlib import Path

import pytest

from animate.errors import UsageError
from animate.page.shelf import Shelf
from animate.page.site import Offer, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    uploads = tmp_path / "uploads"
    offer = Offer(uploads=uploads, models=("my model",), still_models=("sdxl",))
    return Site(offer=offer, shelf=Shelf(tmp_path / "results"))


def test_what_the_server_offers_is_preset(site: Site) -> None:
    assert site.offer.choices == ["my model", "auto", "mini", "svd"]
    assert site.offer.still_choices[:2] == ["sdxl", "mini-image"]
    assert site.offer.still_choices.count("sdxl") == 1


def test_errors_do_not_tell_where_uploads_lie(site: Site) -> None:
    path = site.offer.uploads / "ab12" / "cd34" / "dance.mp4"
    assert site.told(UsageError(f"{path}: no person\nfound")) == "dance.mp4: no person found"
    notes = site.shelf.folder / ".dance.mp4.journal"
    assert site.plain(f"Goes on by its notes in {notes}") == f"Goes on by its notes in {notes.name}"


def test_what_nobody_foresaw_is_in_the_log(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.told(ZeroDivisionError("oh")) == "unexpected ZeroDivisionError: oh"
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_model_for_pictures_takes_the_place_of_one_for_films(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site._film, "_load", lambda settings: "film")
    monkeypatch.setattr(site._still, "_load", lambda settings: "still")
    site.film_model(site.offer.standard)
    from animate.still_settings import StillSettings

    site.still_model(StillSettings())
    assert site._film._kept is None
    assert site._still._kept is not None
