"""Blur and letters of single pictures."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from animate.training.prepare.picture import blur, letters, shrink
from animate.training.prepare.rules import BY_NAME
from pose.video import load_image, open_video

BLUR, LETTERS = BY_NAME["blur"].limit, BY_NAME["letters"].limit
Frame = NDArray[np.uint8]


@pytest.fixture(scope="module")
def dancing(dance: Path) -> list[Frame]:
    """Five frames of 384x576, some time apart."""
    return [shrink(frame, 384) for frame in islice(open_video(dance, stride=10), 5)]


def written(frame: Frame, text: str, place: tuple[int, int]) -> Frame:
    out = frame.copy()
    for colour, width in ((0, 5), (255, 2)):
        cv2.putText(out, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.9, (colour,) * 3, width)
    return out


@pytest.mark.parametrize("name", ["hero.png", "dance.mp4"])
def test_sharp_pictures_pass_and_blurred_ones_do_not(samples: Path, name: str) -> None:
    path = samples / name
    sharp = load_image(path) if path.suffix == ".png" else next(iter(open_video(path)))
    sharp = shrink(sharp, 512)
    assert blur(sharp) < BLUR < blur(cv2.GaussianBlur(sharp, (0, 0), 2.5))


def test_a_photograph_is_sharp(shared: Path) -> None:
    assert blur(shrink(load_image(shared / "data" / "ref_c.jpeg"), 512)) < BLUR


def test_a_plain_picture_is_as_blurred_as_can_be() -> None:
    assert blur(np.full((64, 64, 3), 90, np.uint8)) == 1.0


def test_blur_does_not_depend_on_contrast(dancing: list[Frame]) -> None:
    faint = (dancing[0] // 2 + 60).astype(np.uint8)
    assert blur(faint) == pytest.approx(blur(dancing[0]), abs=0.05)


def test_a_film_without_text_has_no_letters(dancing: list[Frame]) -> None:
    assert letters(dancing) == 0


def test_a_line_of_text_over_a_film_is_found(dancing: list[Frame]) -> None:
    count = letters([written(frame, "Follow for more", (30, 520)) for frame in dancing])
    assert count is not None
    assert count > LETTERS


def test_fingers_of_a_single_picture_are_not_letters(hero: Path, shared: Path) -> None:
    for path in (hero, shared / "data" / "ref_c.jpeg"):
        picture = shrink(load_image(path), 512)
        assert letters([picture]) == 0
        assert (letters([written(picture, "Follow for more", (30, 100))]) or 0) > LETTERS


def test_text_that_moves_along_does_not_count(dancing: list[Frame]) -> None:
    moving = [
        written(dancing[number], "Follow for more", (10 + 20 * number, 500 - 70 * number))
        for number in (0, 2, 4)
    ]
    assert all((letters([frame]) or 0) > LETTERS for frame in moving)
    assert letters(moving) == 0


def test_a_picture_is_never_enlarged() -> None:
    small = np.zeros((40, 30, 3), np.uint8)
    assert shrink(small, 64) is small
    assert shrink(small, 15).shape == (20, 15, 3)
