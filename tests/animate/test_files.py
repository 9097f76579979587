"""Outputs are checked early and appear whole or not at all."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from animate.errors import ModelError, OutputError, UsageError
from animate.files import (
    check_nesting,
    check_output,
    partial_path,
    read_object,
    read_text,
    refuse_links,
    remove_abandoned,
    save_arrays,
)


def test_existing_output_is_refused_without_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="--force"):
        check_output(path, overwrite=False)
    check_output(path, overwrite=True)
    assert path.read_bytes() == b"mine"


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        check_output(tmp_path / "nowhere" / "out.mp4", overwrite=True)


def test_unwritable_folder_is_found_before_the_work() -> None:
    with pytest.raises(OutputError, match="cannot write into"):
        check_output(Path("/proc/out.mp4"), overwrite=True)


def test_unknown_container_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.mp4 or \.mov or \.mkv"):
        check_output(tmp_path / "out.avi", overwrite=True)


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_output(tmp_path / "out.mp4", overwrite=False)
    assert not list(tmp_path.iterdir())


def test_arrays_survive_a_round_trip(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a.npz", numbers=np.arange(3), rate=24.0)
    with np.load(tmp_path / "a.npz") as stored:
        assert stored["numbers"].tolist() == [0, 1, 2]
        assert float(stored["rate"]) == 24.0
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_failed_save_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(OSError, match=r"a\.npz"):
        save_arrays(tmp_path / "a.npz", numbers=np.arange(3))
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_only_what_dead_processes_built_of_this_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.b[1].mp4"
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    dead = tmp_path / f".a.b[1].{gone.pid}.partial.mp4"
    others = [
        partial_path(path),  # this process is alive
        tmp_path / ".a.b[1].1.partial.mp4",
        tmp_path / f".other.{gone.pid}.partial.mp4",
        tmp_path / f"a.b[1].{gone.pid}.partial.mp4",
    ]
    for file in (dead, *others):
        file.touch()
    remove_abandoned(path)
    assert sorted(tmp_path.iterdir()) == sorted(others)


@pytest.mark.parametrize("place", ["own", "own/lock", "own/poses", "own/poses/a.npz"])
def test_links_among_own_files_are_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=rf"{place} is a link"):
        refuse_links(tmp_path / "own", ("poses",))


def test_a_folder_that_is_not_there_has_no_links(tmp_path: Path) -> None:
    refuse_links(tmp_path / "none", ("poses",))
    (tmp_path / "own").mkdir()
    refuse_links(tmp_path / "own", ("poses",))


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "[" * 100_000])
def test_a_file_of_a_model_holds_keys_and_values(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ModelError, match=r"config\.json"):
        read_object(path)


def test_a_text_has_a_greatest_size(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + b"x" * 1000)
    assert read_text(path, 1003, "split it") == "x" * 1000
    with pytest.raises(UsageError, match="split it"):
        read_text(path, 1002, "split it")


def test_depth_counts_brackets_and_indents(tmp_path: Path) -> None:
    check_nesting(tmp_path, "[" * 50 + "]" * 50 + "\n" + "- {a: [b]}\n" * 1000)
    for text in ("[" * 101, "- " * 600 + "a", "a: [\n" * 101):
        with pytest.raises(UsageError, match="nested too deep"):
            check_nesting(tmp_path, text)
