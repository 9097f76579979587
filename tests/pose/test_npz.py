from __future__ import annotations

import contextlib
import io
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose.errors import PoseFileError
from pose.npz import FIELDS, load_poses, save_poses
from pose.skeleton import COUNT, PoseSequence

TEXT = st.text(st.characters(exclude_characters="\0"), max_size=20)


def sequence(seed: int = 0, frames: int = 3, people: int = 2, **facts: Any) -> PoseSequence:
    """Random poses of which a third is missing."""
    rng = np.random.default_rng(seed)
    keypoints = rng.normal(300, 200, (frames, people, COUNT, 2))
    keypoints[rng.random(keypoints.shape[:3]) < 1 / 3] = np.nan
    return PoseSequence(
        keypoints=keypoints,
        scores=rng.random((frames, people, COUNT)),
        marks=rng.integers(0, 32, (frames, people, COUNT), dtype=np.uint8),
        crowd=rng.integers(0, 9, frames),
        times=np.sort(rng.random(frames)),
        ids=tuple(rng.permutation(people + 3)[:people].tolist()),
        **{"size": (640, 480), "fps": 25.0} | facts,
    )


@pytest.fixture
def change(tmp_path: Path) -> Callable[..., Path]:
    """Write a valid file with some of its arrays replaced, or left out where None is given."""

    def write(**changes: Any) -> Path:
        save_poses(tmp_path / "whole.npz", sequence())
        with np.load(tmp_path / "whole.npz") as file:
            arrays = {name: file[name] for name in file.files} | changes
        path = tmp_path / "poses.npz"
        np.savez_compressed(path, **{n: a for n, a in arrays.items() if a is not None})
        return path

    return write


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(0, 3),
    st.just(0.0) | st.floats(1e-3, 1e6),
    st.tuples(st.integers(1, 9999), st.integers(1, 9999)), st.lists(TEXT, min_size=4, max_size=4),
)  # fmt: skip
def test_everything_comes_back_exactly(
    seed: int, frames: int, people: int, fps: float, size: tuple[int, int], texts: list[str]
) -> None:
    names = ("source", "source_hash", "backend", "backend_version")
    poses = sequence(
        seed, frames, people, fps=fps, size=size, **dict(zip(names, texts, strict=True))
    )
    with tempfile.TemporaryDirectory() as folder:
        save_poses(Path(folder) / "a.npz", poses)
        back = load_poses(Path(folder) / "a.npz")
    for name in {*FIELDS} - {"format", "version"}:
        one, other = getattr(poses, name), getattr(back, name)
        assert type(one) is type(other)
        assert np.array_equal(one, other, equal_nan=isinstance(one, np.ndarray)), name


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "poses.npz"
    for seed in (1, 2):
        save_poses(path, sequence(seed))
    assert [p.name for p in tmp_path.iterdir()] == ["poses.npz"]
    assert np.array_equal(load_poses(path).scores, sequence(2).scores)


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "poses.npz").mkdir()
    (tmp_path / "poses.npz" / "a").touch()
    with pytest.raises(PoseFileError, match="cannot be written"):
        save_poses(tmp_path / "poses.npz", sequence())
    assert [p.name for p in tmp_path.iterdir()] == ["poses.npz"]
    with pytest.raises(PoseFileError, match="cannot be written"):
        save_poses(tmp_path / "nowhere" / "poses.npz", sequence())


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_field_is_needed(name: str, change: Callable[..., Path]) -> None:
    with pytest.raises(PoseFileError, match=f"lacks '{name}'"):
        load_poses(change(**{name: None}))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("version", 2, "version 2, and this program reads up to 1; update it"),
        ("version", 0, "no version 0"),
        ("format", "other", "expected the format 'animate-poses', got 'other'"),
        ("format", "x" * 5000, "at most 4096 characters"),
        ("keypoints", np.zeros((3, 2, 17, 2)), r"\(3, 2, 17, 2\), expected \(F, P, 133, 2\)"),
        ("keypoints", np.full((3, 2, COUNT, 2), 1e9), "'keypoints' holds values that make no sens"),
        ("scores", np.zeros((4, 2, COUNT)), r"expected \(3, 2, 133\)"),
        ("scores", np.full((3, 2, COUNT), 1.5), "'scores' holds values"),
        ("scores", np.zeros((3, 2, COUNT), complex), "of type <c16, expected float64"),
        ("marks", np.zeros((3, 2, COUNT), np.int64), "of type <i8, expected uint8"),
        ("times", np.array([0.0, np.nan, 1.0]), "'times' holds values"),
        ("times", np.array([0.0, 2.0, 1.0]), "'times' holds values"),
        ("fps", -1.0, "'fps' holds values"),
        ("fps", np.inf, "'fps' holds values"),
        ("fps", "fast", "'fps' is of type <U4"),
        ("size", np.array([np.nan, 4.0]), "'size' is of type <f8, expected int64"),
        ("size", np.array([640, 0]), "'size' holds values"),
        ("ids", np.array([1]), r"expected \(2\)"),
        ("source", np.array([["a"]]), "has the shape"),
    ],
)
def test_what_no_keypoint_file_holds_is_named(
    name: str, value: Any, message: str, change: Callable[..., Path]
) -> None:
    path = change(**{name: value})
    with pytest.raises(PoseFileError, match=message) as caught:
        load_poses(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_no_frame_is_no_motion(tmp_path: Path) -> None:
    save_poses(tmp_path / "poses.npz", PoseSequence.empty((64, 48), frames=0))
    with pytest.raises(PoseFileError, match="holds no frame"):
        load_poses(tmp_path / "poses.npz")


def test_nobody_can_be_kept(tmp_path: Path) -> None:
    save_poses(tmp_path / "poses.npz", PoseSequence.empty((64, 48), frames=2))
    back = load_poses(tmp_path / "poses.npz")
    assert (len(back), back.people, back.size) == (2, 0, (64, 48))


def test_pickled_objects_are_never_opened(change: Callable[..., Path]) -> None:
    with pytest.raises(PoseFileError, match=r"of type \|O"):
        load_poses(change(times=np.array([print], dtype=object)))


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "poses.npz"
    for content, message in {b"": "no keypoint file", b"PK\x03\x04" * 40: "cut off"}.items():
        path.write_bytes(content)
        with pytest.raises(PoseFileError, match=message):
            load_poses(path)
    with pytest.raises(PoseFileError, match="cannot be opened: No such file"):
        load_poses(tmp_path / "nothing.npz")
    with pytest.raises(PoseFileError, match="cannot be opened: Is a directory"):
        load_poses(tmp_path)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "poses.npz"
    save_poses(path, sequence())
    whole = path.read_bytes()
    for length in (5, 1000, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(PoseFileError, match="cut off"):
            load_poses(path)


def header(shape: tuple[int, ...]) -> bytes:
    """The start of an npy file of float64."""
    file = io.BytesIO()
    facts = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, facts)  # type: ignore[no-untyped-call]
    return file.getvalue()


def test_a_bomb_is_refused_by_its_directory(change: Callable[..., Path]) -> None:
    path = change(keypoints=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("keypoints.npy", header((2**19, 2, COUNT, 2)))
        archive.getinfo("keypoints.npy").file_size = 2**30  # goes into the directory
    with pytest.raises(PoseFileError, match="would unpack to more than 512 MiB"):
        load_poses(path)


def test_an_array_that_is_not_there_is_never_allocated(change: Callable[..., Path]) -> None:
    path = change(keypoints=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("keypoints.npy", header((2**40, 2, COUNT, 2)) + bytes(64))
    with pytest.raises(PoseFileError, match="another number of values than it says"):
        load_poses(path)


def test_an_archive_of_many_files_is_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "poses.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}.txt", "")
    with pytest.raises(PoseFileError, match="far more than a keypoint file"):
        load_poses(path)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_gives_poses_or_an_error_of_ours(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npz"
        save_poses(path, sequence(frames=1, people=1))
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 8))):
            # Half of the damage goes where the sizes and offsets are.
            start = data.draw(st.sampled_from([0, len(content) - 1200]))
            place = data.draw(st.integers(start, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        with contextlib.suppress(PoseFileError):  # nothing else may come of it
            load_poses(path)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_are_refused(content: bytes, like_zip: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npz"
        end = b"PK\x05\x06" + content[:18].ljust(18, b"\0")
        path.write_bytes(b"PK\x03\x04" + content + end if like_zip else content)
        with pytest.raises(PoseFileError):
            load_poses(path)


def test_permissions_are_those_of_other_files(tmp_path: Path) -> None:
    save_poses(tmp_path / "poses.npz", sequence())
    (tmp_path / "other").touch()
    modes = {os.stat(tmp_path / name).st_mode for name in ("poses.npz", "other")}
    assert len(modes) == 1


def test_what_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    poses = PoseSequence.empty((64, 48), frames=200_000)
    with pytest.raises(PoseFileError, match="200000 frames with room for 1 are too many poses"):
        save_poses(tmp_path / "poses.npz", poses)
