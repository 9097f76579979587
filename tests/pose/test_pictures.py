from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pose.errors import VideoError
from pose.pictures import load_image


def gradient(height: int = 40, width: int = 30) -> NDArray[np.uint8]:
    """Red grows to the right, green downwards."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1), 0 * x], -1).astype(np.uint8)


def test_png_is_read_exactly(tmp_path: Path) -> None:
    Image.fromarray(gradient()).save(tmp_path / "a.png")
    assert np.array_equal(load_image(tmp_path / "a.png"), gradient())


@pytest.mark.parametrize(("tag", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_camera_rotation_is_applied(tag: int, turns: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = tag
    Image.fromarray(gradient()).save(tmp_path / "a.jpg", quality=100, subsampling=0, exif=exif)
    got = load_image(tmp_path / "a.jpg").astype(int)
    wanted = np.rot90(gradient(), turns).astype(int)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).mean() < 2


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA", "PA", "RGBA", "HSV", "I", "F"])
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    picture = Image.fromarray(gradient()).convert("L" if mode in ("I", "F", "PA") else mode)
    picture.convert(mode).save(tmp_path / "a.tiff") if mode not in ("PA", "HSV") else (
        picture.convert("RGB").save(tmp_path / "a.tiff")
    )
    got = load_image(tmp_path / "a.tiff")
    assert got.shape == (40, 30, 3)
    assert got.dtype == np.uint8
    assert got.max() > 100


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    deep = gradient()[..., 0].astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "grey.png"), deep)
    assert np.array_equal(load_image(tmp_path / "grey.png")[..., 1], gradient()[..., 0])
    cv2.imwrite(str(tmp_path / "colour.png"), gradient()[..., ::-1].astype(np.uint16) * 257)
    got = load_image(tmp_path / "colour.png").astype(int)
    assert np.abs(got - gradient()).max() <= 1


def test_transparency_shows_the_background(tmp_path: Path) -> None:
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[0] = (200, 100, 0, 255)
    rgba[1, 0] = (200, 100, 0, 128)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    got = load_image(tmp_path / "a.png", background=(0, 0, 255))
    assert got[0, 0].tolist() == [200, 100, 0]
    assert got[1, 0].tolist() == [100, 50, 127]
    assert got[1, 2].tolist() == [0, 0, 255]
    assert load_image(tmp_path / "a.png")[1, 2].tolist() == [255, 255, 255]


def test_transparent_palette(tmp_path: Path) -> None:
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((0, 0), 1)
    picture.save(tmp_path / "a.png", transparency=0)
    got = load_image(tmp_path / "a.png")
    assert got[0, 0].tolist() == [40, 50, 60]
    assert got[3, 3].tolist() == [255, 255, 255]


def test_files_that_are_no_pictures(tmp_path: Path, plain: Path) -> None:
    whole = tmp_path / "whole.jpg"
    Image.fromarray(gradient(400, 300)).save(whole)
    contents = {
        b"": "is empty",
        b"hello\n" * 99: "holds text",
        plain.read_bytes(): "is a video, not a picture",
        whole.read_bytes()[:2000]: "cut off or damaged",
        bytes(range(128, 256)) * 9: "not a picture that can be read",
    }
    for content, message in contents.items():
        path = tmp_path / "hero.png"
        path.write_bytes(content)
        with pytest.raises(VideoError, match=message) as caught:
            load_image(path)
        assert "\n" not in str(caught.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no such file"):
        load_image(tmp_path / "nothing.png")
    with pytest.raises(VideoError, match="is a folder"):
        load_image(tmp_path)
