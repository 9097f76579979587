from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from animate.training.adherence import (
    closed,
    clothed_regions,
    colour_distance,
    edge_f1,
    is_colour,
    overlap,
    rank_correlation,
    region_colours,
    told_colours,
)
from animate.training.portraits import COLOURS, Portraits

BOX = np.zeros((20, 20), bool)
BOX[5:15, 5:15] = True
LINE = np.zeros((20, 20), bool)
LINE[:, 10] = True


def test_overlap_is_of_the_union() -> None:
    assert overlap(BOX, BOX) == 1.0
    assert overlap(BOX, ~BOX) == 0.0
    assert overlap(BOX, np.ones_like(BOX)) == pytest.approx(BOX.mean())
    assert overlap(~BOX & BOX, ~BOX & BOX) == 1.0


@pytest.mark.parametrize(("shift", "wanted"), [(0, 1.0), (2, 1.0), (3, 0.0)])
def test_edges_may_be_two_pixels_off(shift: int, wanted: float) -> None:
    assert edge_f1(np.roll(LINE, shift, axis=1), LINE) == wanted


def test_missing_and_added_edges_both_count() -> None:
    half = LINE & (np.arange(20) < 10)[:, None]
    assert 0.5 < edge_f1(half, LINE) < 0.8
    assert edge_f1(half, LINE) == edge_f1(LINE, half)
    assert edge_f1(LINE & ~LINE, LINE) == 0.0


@given(st.lists(st.integers(-50, 50), min_size=3, max_size=12, unique=True))
def test_ranks_forget_all_but_the_order(values: list[int]) -> None:
    numbers = np.array(values, float)
    assert rank_correlation(numbers, numbers**3) == pytest.approx(1.0)
    assert rank_correlation(numbers, -numbers) == pytest.approx(-1.0)
    assert rank_correlation(numbers, np.ones_like(numbers)) == 0.0


def test_closed_is_the_share_of_the_way() -> None:
    assert closed(0.2, 0.8, 1.0) == pytest.approx(0.75)
    assert closed(0.5, 0.5, 0.9) == 0.0
    assert closed(0.5, 0.5, 0.5) == 1.0


def test_colours_are_told_by_the_eye_not_by_numbers() -> None:
    assert colour_distance((255, 255, 255), (0, 0, 0)) == pytest.approx(100, abs=0.5)
    assert colour_distance((30, 60, 90), (30, 60, 90)) == 0.0


@pytest.mark.parametrize("name", COLOURS)
def test_a_named_colour_is_itself_and_no_other(name: str) -> None:
    assert [other for other in COLOURS if is_colour(COLOURS[name], other)] == [name]


def test_true_portraits_wear_what_is_told(portraits: Portraits) -> None:
    right = []
    for index, facts in enumerate(portraits.facts):
        points = portraits.keypoints[index].astype(np.float64)
        found = region_colours(portraits.frames[index], clothed_regions(points, portraits.size))
        told = told_colours(facts)
        right += [is_colour(found[name], told[name]) for name in found.keys() & told.keys()]
    assert np.mean(right) > 0.8


def test_patterned_clothes_are_not_judged(portraits: Portraits) -> None:
    from dataclasses import replace

    facts = replace(portraits.facts[0], shirt="striped red")
    assert set(told_colours(facts)) == {"legs", "background"}
