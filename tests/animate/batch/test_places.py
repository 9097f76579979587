"""Results go to folders, or to whatever fsspec reaches."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from animate.batch import places
from animate.errors import AnimateError


def test_a_url_is_reached_through_fsspec_and_the_file_is_whole(tmp_path: Path) -> None:
    output = "memory://results/films/a.mp4"
    built = places.local_path(output, tmp_path)
    assert (built.parent, built.suffix) == (tmp_path, ".mp4")
    built.write_bytes(b"film")
    places.check(output, overwrite=False)
    places.deliver(built, output)
    assert not built.exists()
    assert places.exists(output)
    assert fsspec.filesystem("memory").cat("/results/films/a.mp4") == b"film"
    assert fsspec.filesystem("memory").ls("/results/films", detail=False) == [
        "/results/films/a.mp4"
    ]
    with pytest.raises(AnimateError, match="exists already"):
        places.check(output, overwrite=False)


def test_a_local_output_is_built_where_it_belongs(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    assert places.local_path(str(path), tmp_path / "scratch") == path
    assert places.print_of(str(path)) is None
    path.touch()
    first = places.print_of(str(path))
    path.write_bytes(b"other")
    assert places.print_of(str(path)) != first


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("{0}/a.txt", "must end in"),
        ("{0}/new/a.txt", "must end in"),
        ("{0}/file/a.mp4", "no folder can be made"),
        ("{0}/old.mp4", "exists already"),
        ("nosuch://a.mp4", "nosuch"),
    ],
)
def test_a_place_that_cannot_be_used_is_told(tmp_path: Path, output: str, told: str) -> None:
    for name in ("file", "old.mp4"):
        (tmp_path / name).touch()
    with pytest.raises(AnimateError, match=told):
        places.check(output.format(tmp_path), overwrite=False)


def test_short_names_leave_out_the_folders_that_all_share() -> None:
    assert places.short_names(["/a/b/x.mp4"]) == {"/a/b/x.mp4": "x.mp4"}
    told = places.short_names(["/a/ann/walk.mp4", "/a/ben/walk.mp4"])
    assert list(told.values()) == ["ann/walk.mp4", "ben/walk.mp4"]
    assert list(places.short_names(["s3://one/a.mp4", "/b.mp4"]).values()) == [
        "s3://one/a.mp4",
        "/b.mp4",
    ]
    assert places.short_names([]) == {}
