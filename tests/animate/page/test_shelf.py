"""Names for results."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animate.errors import OutputError
from animate.page.shelf import Shelf, plain


def test_a_name_that_is_there_gets_a_number(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "results")
    names = []
    for _ in range(3):
        with shelf.place(["dance", "hero"], [".mp4", ".npz"]) as paths:
            paths[1].touch()  # one of several is enough
            names.append(paths[0].name)
    assert names == ["dance_hero.mp4", "dance_hero-2.mp4", "dance_hero-3.mp4"]


def test_a_run_that_made_nothing_goes_on_under_the_same_name(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for _ in range(2):
        with shelf.place(["dance"], [".mp4"]) as paths:
            assert paths == [tmp_path / "dance.mp4"]


def test_two_at_once_get_two_names(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    with shelf.place(["dance"], [".mp4"]) as one, shelf.place(["dance"], [".mp4"]) as other:
        assert one != other


@given(st.text(max_size=200))
def test_names_stay_in_the_folder_whatever_they_are(text: str) -> None:
    name = plain(text)
    assert not set('/\\\0:*?"<>|\n') & set(name)
    assert not name.startswith((".", "-"))
    assert len(name.encode()) <= 80


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="--results"),
        Shelf(tmp_path / "file" / "results").place(["dance"], [".mp4"]),
    ):
        pass
