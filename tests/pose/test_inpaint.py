"""What is behind a figure, made of what is around it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose.figure import fill
from pose.inpaint import RADIUS, _patches, inpaint
from pose.skeleton import Frame

Flags = NDArray[np.bool_]


def room() -> Frame:
    """Shelves before a wall of one colour, above a plain floor."""
    shown = np.full((96, 80, 3), (120, 90, 60), np.uint8)
    shown[:60] = (40, 80, 160)
    for top in range(6, 60, 14):
        shown[top : top + 5] = (200, 180, 40)
    return shown


def standing_in_it() -> Flags:
    """Where somebody hides the room, (96, 80)."""
    known = np.ones((96, 80), bool)
    known[20:84, 32:50] = False
    return known


def error(shown: Frame, known: Flags) -> float:
    return float(np.abs(shown.astype(float) - room())[~known].mean())


def test_a_pattern_and_a_floor_go_on_behind_a_figure() -> None:
    known = standing_in_it()
    hidden = room()
    hidden[~known] = (255, 255, 255)
    made = inpaint(hidden, known)
    assert error(made, known) < 3 < 0.1 * error(fill(hidden, known), known)
    assert np.array_equal(made[known], hidden[known])
    assert np.array_equal(made, inpaint(hidden, known))


def test_light_goes_on_without_an_outline() -> None:
    """A lit wall: nothing of the figure is left, not even a shade of it."""
    y, x = np.mgrid[:96, :80]
    lit = (210 - 0.01 * ((x - 20) ** 2 + (y - 30) ** 2)).astype(np.uint8)
    picture = np.repeat(lit[..., None], 3, axis=2)
    known = standing_in_it()
    made = inpaint(np.where(known[..., None], picture, 0).astype(np.uint8), known).astype(int)
    assert np.abs(made - picture).max() <= 5
    assert max(np.abs(np.diff(made, axis=axis)).max() for axis in (0, 1)) <= 3


def test_what_is_alike_is_taken_from_nearby() -> None:
    """A wall that fades: the middle is like its surroundings, not like the far ends."""
    fading = np.repeat(np.linspace(40, 200, 96).astype(np.uint8)[:, None], 80, axis=1)
    picture = np.repeat(fading[..., None], 3, axis=2)
    known = standing_in_it()
    made = inpaint(np.where(known[..., None], picture, 255).astype(np.uint8), known)
    assert np.abs(made.astype(int) - picture)[~known].max() <= 12


def test_a_patch_is_what_is_around_its_place() -> None:
    colours = np.random.default_rng(0).uniform(0, 255, (20, 16, 3)).astype(np.float32)
    (patch,) = _patches(colours, np.array([[7, 9]]))
    around = colours[7 - RADIUS : 8 + RADIUS, 9 - RADIUS : 10 + RADIUS]
    assert np.array_equal(patch[:-2], around.ravel())
    assert patch[-2] / patch[-1] == pytest.approx(7 / 9)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.integers(0, 9))
def test_any_hole_leaves_the_rest_as_it_is(
    height: int, width: int, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    known = rng.random((height, width)) < share
    made = inpaint(picture, known)
    assert made.shape == picture.shape
    assert np.array_equal(made[known], picture[known])
