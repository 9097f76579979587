"""What the segmentation models in MediaPipe's wheel say of persons, and what is cut out by it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pose import load_image
from pose.figure import cut_out
from pose.segment import _open, segment
from pose.skeleton import Frame

HERO = Path(__file__).resolve().parents[2] / "samples" / "hero.png"
WIDTH, HEIGHT = 60, 120
PERSON = np.s_[20:100, 20:40]


@pytest.fixture
def picture() -> Frame:
    """Two blocks of one colour: a person, and a thing at its side."""
    shown = np.full((HEIGHT, WIDTH, 3), (60.0, 90.0, 160.0))
    shown[PERSON] = shown[40:70, 40:50] = (200, 60, 50)
    shown += np.random.default_rng(0).normal(scale=8, size=shown.shape)
    return shown.clip(0, 255).astype(np.uint8)


@pytest.fixture
def distance() -> NDArray[np.float32]:
    """In breadths, from a bone down the middle of the person."""
    return np.abs(np.arange(WIDTH) - 29.5).astype(np.float32)[None].repeat(HEIGHT, axis=0) / 12


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def certainty(rows: slice, columns: slice) -> NDArray[np.float32]:
    sure = np.full((HEIGHT, WIDTH), 0.02, np.float32)
    sure[rows, columns] = 0.98
    return sure


def person() -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[PERSON] = True
    return mask


def test_what_models_know_goes_before_colours(
    picture: Frame, distance: NDArray[np.float32]
) -> None:
    whole = distance.copy()
    whole[:18], whole[102:] = 9, 9  # the bone's ends
    by_colours = cut_out(picture, whole)
    assert by_colours[45:65, 42:45].mean() > 0.9  # the thing beside it is taken along
    known = cut_out(picture, whole, certainty(*PERSON))
    assert not known[40:70, 41:].any()
    assert overlap(known, person()) > 0.95


def test_models_that_see_something_else_are_not_heard(
    picture: Frame, distance: NDArray[np.float32]
) -> None:
    elsewhere = certainty(np.s_[100:120], np.s_[0:60])
    nothing = np.zeros((HEIGHT, WIDTH), np.float32)
    for unknown in (elsewhere, nothing):
        assert np.array_equal(cut_out(picture, distance, unknown), cut_out(picture, distance))


def test_a_person_is_seen_and_again_the_same() -> None:
    pytest.importorskip("mediapipe.python.solutions")
    hero = load_image(HERO)
    sure, blank = segment(hero), segment(np.zeros((64, 48, 3), np.uint8))
    assert sure is not None
    assert blank is not None
    assert sure.shape == hero.shape[:2]
    assert blank.shape == (64, 48)
    assert 0.1 < (sure > 0.5).mean() < 0.6
    assert blank.max() < 0.5
    again = segment(hero)
    assert again is not None
    assert np.array_equal(sure, again)


def test_without_models_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    _open.cache_clear()
    monkeypatch.setitem(sys.modules, "mediapipe", None)  # importing it fails
    try:
        assert segment(np.zeros((64, 48, 3), np.uint8)) is None
    finally:
        _open.cache_clear()
