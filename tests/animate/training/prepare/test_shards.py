"""Clips in tars: the same data, readable by others."""

from __future__ import annotations

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from animate.training.prepare import DatasetError, read_index
from animate.training.prepare.index import write_index
from animate.training.prepare.shards import clear, pack, read_member

from ..films import make_film, prepare_films


@pytest.fixture
def sharded(toy_dataset: Path, tmp_path: Path) -> Path:
    """A copy of the data set in shards of a few clips each."""
    folder = tmp_path / "sharded"
    shutil.copytree(toy_dataset, folder)
    rows = pack(folder, read_index(folder), most=30_000)
    write_index(folder, rows)
    clear(folder, rows)
    return folder


def test_all_files_come_back_as_they_were(toy_dataset: Path, sharded: Path) -> None:
    rows = read_index(sharded)
    assert [replace(row, shard="", members={}) for row in rows] == read_index(toy_dataset)
    for row in rows:
        assert len(row.files) == 2
        for path in row.files:
            assert read_member(sharded, row, path) == (toy_dataset / path).read_bytes()
    assert not list((sharded / "clips").iterdir())


def test_a_shard_is_a_tar_with_a_group_of_files_for_each_clip(sharded: Path) -> None:
    shards = sorted((sharded / "shards").iterdir())
    assert len(shards) > 1
    rows = {row.name: row for row in read_index(sharded)}
    with tarfile.open(shards[0]) as tar:
        groups: dict[str, list[str]] = {}
        for member in tar:
            name, _, suffix = member.name.partition(".")
            groups.setdefault(name, []).append(suffix)
            if suffix == "json":
                file = tar.extractfile(member)
                assert file is not None
                assert json.load(file)["frames"] == rows[name].frames
    assert all(sorted(suffixes) == ["json", "mp4", "npz", "txt"] for suffixes in groups.values())


def test_equal_data_gives_equal_tars(toy_dataset: Path, sharded: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(toy_dataset, again)
    pack(again, read_index(again), most=30_000)
    for shard in (sharded / "shards").iterdir():
        assert shard.read_bytes() == (again / "shards" / shard.name).read_bytes()


def test_what_is_added_later_goes_into_a_new_shard(tmp_path: Path) -> None:
    two, folder = tmp_path / "two", tmp_path / "dataset"
    two.mkdir()
    make_film(two, 0)
    before = prepare_films(two, folder, shards=True).rows
    make_film(two, 1)
    after = prepare_films(two, folder, shards=True).rows
    assert after[0] == before[0]
    assert [row.shard for row in after] == ["shards/000000.tar", "shards/000001.tar"]
    assert prepare_films(two, folder).rows == after


def test_a_shard_that_is_cut_off_is_told(sharded: Path) -> None:
    row = read_index(sharded)[0]
    shard = sharded / row.shard
    shard.write_bytes(shard.read_bytes()[:1000])
    with pytest.raises(DatasetError, match="cut off"):
        read_member(sharded, row, row.clip)
