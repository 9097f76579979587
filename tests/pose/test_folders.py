from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pose.errors import VideoError
from pose.folders import find_pictures, natural_key, open_pictures
from pose.track import track


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures of 40x30, frame8.png to frame19.png, each as bright as its number."""
    for number in range(8, 20):
        Image.new("RGB", (40, 30), (number,) * 3).save(tmp_path / f"frame{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".frame1.png").write_text("hidden")
    return tmp_path


def test_names_sort_as_people_count() -> None:
    names = ["a10.png", "a9.png", "A1.png", "b.png", "a.png", "a1b2.png", "7.png"]
    ordered = sorted(map(Path, names), key=natural_key)
    assert [path.name for path in ordered] == [
        "7.png", "A1.png", "a1b2.png", "a9.png", "a10.png", "a.png", "b.png",
    ]  # fmt: skip


def test_a_folder_is_a_film(folder: Path) -> None:
    film = open_pictures(folder)
    assert (len(film), film.size, film.fps, film.damaged) == (12, (40, 30), 25.0, None)
    assert film.info.path == folder
    assert film.times.tolist() == [n / 25 for n in range(12)]
    for _ in range(2):
        frames = list(film)
        assert [frame.max() for frame in frames] == list(range(8, 20))
        assert {frame.shape for frame in frames} == {(30, 40, 3)}
    assert film[3].max() == 11


def test_rate_stride_and_frames(folder: Path) -> None:
    film = open_pictures(folder, fps=10, stride=3, frames=2)
    assert (len(film), film.fps) == (2, pytest.approx(10 / 3))
    assert film.times == pytest.approx([0, 0.3])
    assert [frame.max() for frame in film] == [8, 11]


def test_it_can_be_tracked(folder: Path, brightness: object) -> None:
    poses = track(open_pictures(folder, fps=5), backend=brightness, smooth=0)  # type: ignore[arg-type]
    assert (len(poses), poses.size, poses.fps) == (12, (40, 30), 5.0)
    assert poses.times.tolist() == [n / 5 for n in range(12)]


def test_two_sizes_are_refused_before_any_work(folder: Path) -> None:
    Image.new("RGB", (30, 40)).save(folder / "frame12.png")
    with pytest.raises(VideoError, match=r"frame12.png has 30x40 pixels, but frame8.png has 40x30"):
        open_pictures(folder)


def test_cameras_turn_pictures(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    Image.new("RGB", (30, 40)).save(tmp_path / "b.jpg")
    film = open_pictures(tmp_path)
    assert film.size == (30, 40)
    assert [frame.shape for frame in film] == [(40, 30, 3)] * 2


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 30), (255, 255, 255, 0)).save(tmp_path / "a.png")
    assert not np.any(open_pictures(tmp_path)[0])


def test_folders_without_a_film(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="holds no pictures"):
        open_pictures(tmp_path)
    with pytest.raises(VideoError, match="No such file"):
        find_pictures(tmp_path / "nothing")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(VideoError, match="cut off or damaged"):
        open_pictures(tmp_path)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(VideoError, match="only 8x8 pixels"):
        open_pictures(tmp_path)


@pytest.mark.parametrize("options", [{"fps": 0}, {"fps": float("inf")}, {"stride": 0},
                                     {"frames": 0}])  # fmt: skip
def test_senseless_settings(options: dict[str, float], folder: Path) -> None:
    with pytest.raises(ValueError, match="must be"):
        open_pictures(folder, **options)  # type: ignore[arg-type]
