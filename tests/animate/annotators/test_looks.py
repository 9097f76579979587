"""Maps of every kind are known as such, and photographs, films and renderings are not."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from animate.annotators import KINDS, looks_like_map
from animate.errors import UsageError
from pose.video import load_image, open_video

Frame = NDArray[np.uint8]
ROOT = Path(__file__).resolve().parents[3]
# Real pictures, for those who have them beside the repository.
REAL = ROOT.parent / "shared" / "data"


def as_it_is(picture: Frame) -> Frame:
    return picture


def jpeg(picture: Frame) -> Frame:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=80)
    return np.array(Image.open(stream).convert("RGB"))


def smaller(picture: Frame) -> Frame:
    return np.asarray(cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA))


def grey(picture: Frame) -> Frame:
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def dark(picture: Frame) -> Frame:
    return (picture * 0.25).astype(np.uint8)


@pytest.mark.parametrize("changed", [as_it_is, jpeg, smaller])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_map_is_known_by_its_look(
    maps: dict[str, list[Frame]], kind: str, changed: Callable[[Frame], Frame]
) -> None:
    assert all(looks_like_map(changed(one), kind) for one in maps[kind])


def ordinary() -> Iterator[Frame]:
    yield load_image(ROOT / "samples" / "hero.png")
    yield next(iter(open_video(ROOT / "samples" / "dance.mp4"))).copy()
    if (REAL / "ref_c.jpeg").is_file():
        yield load_image(REAL / "ref_c.jpeg")
        yield next(iter(open_video(REAL / "dance_a.mp4"))).copy()


@pytest.mark.parametrize("changed", [as_it_is, jpeg, smaller, dark])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_ordinary_picture_is_no_map(
    photographs: list[Frame], kind: str, changed: Callable[[Frame], Frame]
) -> None:
    assert not any(looks_like_map(changed(one), kind) for one in [*photographs, *ordinary()])


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"depth"}))
def test_a_grey_picture_is_no_map(photographs: list[Frame], kind: str) -> None:
    assert not any(looks_like_map(grey(one), kind) for one in [*photographs, *ordinary()])


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the real pictures")
def test_a_grey_photograph_is_no_depth() -> None:
    photograph = load_image(REAL / "ref_c.jpeg")
    assert not looks_like_map(grey(photograph), "depth")
    assert not looks_like_map(dark(grey(photograph)), "depth")


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("mask", "canny"), ("mask", "depth"), ("depth", "mask"), ("depth", "canny"),
        ("canny", "mask"), ("canny", "depth"), ("pose", "canny"), ("segmentation", "pose"),
        ("segmentation", "depth"), ("softedge", "mask"), ("lines", "depth"),
    ],
)  # fmt: skip
def test_a_map_of_another_kind_is_not_taken(
    maps: dict[str, list[Frame]], given: str, asked: str
) -> None:
    assert not any(looks_like_map(one, asked) for one in maps[given])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_one_colour_says_nothing(kind: str) -> None:
    for level in (0, 128, 255):
        assert not looks_like_map(np.full((40, 30, 3), level, np.uint8), kind)


def test_unknown_kinds_are_told() -> None:
    with pytest.raises(UsageError, match="known: pose, canny"):
        looks_like_map(np.zeros((4, 4, 3), np.uint8), "edges")
