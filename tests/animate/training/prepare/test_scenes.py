"""Where a film is cut."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from animate.training.prepare.scenes import Changes, pieces
from pose.video import open_video


def shrunk(path: Path, stride: int = 1) -> Iterator[NDArray[np.uint8]]:
    for frame in open_video(path, stride=stride, frames=24):
        yield cv2.resize(frame, (96, 144), interpolation=cv2.INTER_AREA)


def test_two_films_joined_are_cut_where_they_meet(dance: Path, shared: Path) -> None:
    other = shared / "data" / "dance_a.mp4"
    assert Changes.of(chain(shrunk(dance), shrunk(other), shrunk(dance))).cuts() == [24, 48]


@pytest.mark.parametrize("stride", [1, 3])
def test_a_quick_dance_is_not_cut(dance: Path, stride: int) -> None:
    assert Changes.of(shrunk(dance, stride)).cuts() == []


def test_a_cut_right_after_the_first_frame_is_found() -> None:
    dark, bright = np.zeros((48, 48, 3), np.uint8), np.full((48, 48, 3), 255, np.uint8)
    assert Changes.of([dark, bright, bright, bright]).cuts() == [1]


def test_a_flickering_light_is_not_cut() -> None:
    frames = [np.full((48, 48, 3), 255 * (number % 2), np.uint8) for number in range(20)]
    assert Changes.of(frames).cuts() == []


def test_a_still_picture_does_not_change() -> None:
    still = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    assert Changes.of([still] * 3).grey == [0.0, 0.0, 0.0]


@given(
    frames=st.integers(1, 400), cut=st.integers(1, 399), longest=st.floats(0.05, 20), fps=st.just(8)
)
def test_pieces_cover_all_frames_and_none_is_too_long(
    frames: int, cut: int, longest: float, fps: float
) -> None:
    cuts = [cut] if cut < frames else []
    found = list(pieces(frames, cuts, fps, longest))
    assert [frame for start, stop in found for frame in range(start, stop)] == list(range(frames))
    assert max(stop - start for start, stop in found) <= max(1, longest * fps)
    assert set(cuts) <= {start for start, _ in found}
