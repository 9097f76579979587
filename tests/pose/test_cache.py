from __future__ import annotations

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pose.cache
from pose.backends import Backend, register_backend
from pose.cache import cache_folder, hash_source, track_cached
from pose.errors import BackendError
from pose.folders import open_pictures
from pose.skeleton import PoseSequence
from pose.video import open_video


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("ANIMATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "poses"


@pytest.fixture
def dancing(plain: Path, tmp_path: Path) -> Path:
    """A video that the test may change."""
    path = tmp_path / "dance.mp4"
    path.write_bytes(plain.read_bytes())
    return path


def same(one: PoseSequence, other: PoseSequence) -> bool:
    """Whether everything is the same, to the last bit."""
    return all(
        np.array_equal(a, b, equal_nan=True) if isinstance(a, np.ndarray) else a == b
        for a, b in zip(vars(one).values(), vars(other).values(), strict=True)
    )


def test_the_second_run_sees_no_frame(dancing: Path, brightness: Any, folder: Path) -> None:
    first, known = track_cached(dancing, backend=brightness)
    assert (known, brightness.frames) == (False, 30)
    steps: list[tuple[int, int]] = []
    again, known = track_cached(
        dancing, backend=brightness, progress=lambda done, total: steps.append((done, total))
    )
    assert (known, brightness.frames, steps) == (True, 30, [(30, 30)])
    assert same(first, again)
    assert len(list(folder.iterdir())) == 1


def test_poses_name_their_source(dancing: Path, brightness: Any) -> None:
    for enabled in (False, True):
        poses, _ = track_cached(dancing, backend=brightness, enabled=enabled)
        assert poses.source == "dance.mp4"
        assert poses.source_hash == hashlib.sha256(dancing.read_bytes()).hexdigest()


def test_content_counts_and_the_name_does_not(dancing: Path, brightness: Any) -> None:
    track_cached(dancing, backend=brightness)
    moved = dancing.rename(dancing.with_name("other.mp4"))
    poses, known = track_cached(moved, backend=brightness)
    assert (known, poses.source) == (True, "other.mp4")
    moved.write_bytes(moved.read_bytes() + b"\0")
    assert not track_cached(moved, backend=brightness)[1]


@pytest.mark.parametrize(
    "change", [{"fps": 5}, {"stride": 2}, {"frames": 10}, {"person": "all"}, {"person": (3, 4)},
               {"smooth": 0.9}]
)  # fmt: skip
def test_every_setting_counts(change: dict[str, Any], dancing: Path, brightness: Any) -> None:
    track_cached(dancing, backend=brightness)
    reading = {name: change[name] for name in change if name in ("fps", "stride", "frames")}
    rest = {name: change[name] for name in change if name not in reading}
    for wanted in (False, True):
        poses, known = track_cached(open_video(dancing, **reading), backend=brightness, **rest)
        assert known is wanted
        assert len(poses) == len(open_video(dancing, **reading))


def test_the_estimator_and_its_version_count(dancing: Path, brightness: Any) -> None:
    track_cached(dancing, backend=brightness)
    brightness.version = "2"
    assert not track_cached(dancing, backend=brightness)[1]
    brightness.name = "twilight"
    assert not track_cached(dancing, backend=brightness)[1]


def test_a_change_of_this_package_counts(
    dancing: Path, brightness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    track_cached(dancing, backend=brightness)
    monkeypatch.setattr(pose.cache, "_own_code", lambda: "better")
    assert not track_cached(dancing, backend=brightness)[1]


def test_estimators_may_be_named(dancing: Path, brightness: Any) -> None:
    opened: list[Backend] = []

    def opener(static: bool) -> Backend:
        opened.append(brightness)
        return brightness  # type: ignore[no-any-return]

    register_backend("brightness", opener)
    track_cached(dancing, backend="brightness")
    assert track_cached(dancing, backend="brightness")[1]
    assert brightness.closed
    with pytest.raises(BackendError, match="unknown pose backend"):
        track_cached(dancing, backend="nonsense")


def test_without_the_cache_nothing_is_kept(dancing: Path, brightness: Any, folder: Path) -> None:
    for _ in range(2):
        assert not track_cached(dancing, backend=brightness, enabled=False)[1]
    assert not folder.exists()


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_entry_is_written_anew(
    damage: bytes | None, dancing: Path, brightness: Any, folder: Path
) -> None:
    track_cached(dancing, backend=brightness)
    (entry,) = folder.iterdir()
    entry.write_bytes(entry.read_bytes()[:5000] if damage is None else damage)
    assert not track_cached(dancing, backend=brightness)[1]
    assert track_cached(dancing, backend=brightness)[1]


def test_a_cache_that_cannot_be_written_is_done_without(
    dancing: Path, brightness: Any, folder: Path
) -> None:
    folder.parent.write_text("a file where the folder should be")
    assert len(track_cached(dancing, backend=brightness)[0]) == 30


def test_what_was_not_used_for_longest_goes_first(
    dancing: Path, brightness: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(smooth: float) -> bool:
        return track_cached(dancing, backend=brightness, smooth=smooth)[1]

    names = {}
    for smooth in (0.1, 0.2, 0.3):
        before = set(folder.iterdir()) if folder.exists() else set()
        run(smooth)
        (names[smooth],) = set(folder.iterdir()) - before
        os.utime(names[smooth], (100 * smooth, 100 * smooth))
    assert run(0.1)  # used again: now the newest
    (folder / ".broken.partial").touch()
    os.utime(folder / ".broken.partial", (0, 0))
    sizes = [path.stat().st_size for path in names.values()]
    monkeypatch.setattr(pose.cache, "MOST_BYTES", 3.5 * max(sizes))
    run(0.4)
    assert {path for path in names.values() if path.exists()} == {names[0.1], names[0.3]}
    assert not (folder / ".broken.partial").exists()


def test_many_runs_at_once(dancing: Path, brightness: Any) -> None:
    def run(_: int) -> PoseSequence:
        return track_cached(dancing, backend=brightness)[0]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, range(8)))
    assert all(same(results[0], other) for other in results)


def test_a_damaged_film_is_known_to_be_damaged(
    dancing: Path, brightness: Any, folder: Path
) -> None:
    whole, _ = track_cached(dancing, backend=brightness)
    (entry,) = folder.iterdir()
    pose.cache.save_poses(entry, whole.take(range(12), whole.fps))
    clip = open_video(dancing)
    poses, known = track_cached(clip, backend=brightness)
    assert (len(poses), known, clip.damaged) == (12, True, pytest.approx(1.2))


def test_pictures_are_known_by_content_and_order(tmp_path: Path, brightness: Any) -> None:
    for number in range(3):
        Image.new("RGB", (64, 48), (9 * number + 9,) * 3).save(tmp_path / f"{number}.png")
    first = hash_source(open_pictures(tmp_path))
    track_cached(open_pictures(tmp_path), backend=brightness)
    assert track_cached(open_pictures(tmp_path), backend=brightness)[1]
    (tmp_path / "0.png").rename(tmp_path / "3.png")
    assert hash_source(open_pictures(tmp_path)) != first
    assert not track_cached(open_pictures(tmp_path), backend=brightness)[1]


@pytest.mark.parametrize(
    ("platform", "variables", "wanted"),
    [
        ("linux", {}, "/home/me/.cache/animate/poses"),
        ("linux", {"XDG_CACHE_HOME": "/big"}, "/big/animate/poses"),
        ("linux", {"XDG_CACHE_HOME": "big"}, "/home/me/.cache/animate/poses"),
        ("darwin", {}, "/home/me/Library/Caches/animate/poses"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/animate/poses"),
        ("linux", {"ANIMATE_CACHE": "/mine", "XDG_CACHE_HOME": "/big"}, "/mine/poses"),
    ],
)
def test_caches_lie_where_the_system_keeps_them(
    platform: str, variables: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for name in ("ANIMATE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **variables}.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(wanted)
