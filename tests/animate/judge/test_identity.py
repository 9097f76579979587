"""A painted figure's looks beside those of others."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from animate.judge.identity import Appearance, compare_looks, typical
from animate.judge.regions import PARTS, paint_parts
from animate.judge.viewing import appearance

Floats = NDArray[np.float64]

SHIRT, TROUSERS = (200, 40, 40), (40, 60, 160)


def figure(points: Floats, shirt: tuple[int, int, int] = SHIRT) -> Appearance:
    """The looks of the first pose, filled with plain colours."""
    seen = np.isfinite(points[0]).all(axis=-1)
    labels = paint_parts(points[0], seen, (300, 200), 0.15)
    picture = np.full((300, 200, 3), 220, np.uint8)
    for number, part in enumerate(PARTS, start=1):
        picture[labels == number] = TROUSERS if part in ("shin", "thigh") else shirt
    return appearance(picture, points[0], seen, labels > 0)


def test_the_same_clothes_in_another_pose_are_the_same(dancer: Floats) -> None:
    figures = compare_looks(figure(dancer[12:]), figure(dancer))
    assert figures.colour == pytest.approx(0, abs=0.5)
    assert figures.overlap is not None
    assert figures.overlap > 0.9
    assert set(figures.parts) == set(PARTS)


def test_another_shirt_shows_in_its_parts_alone(dancer: Floats) -> None:
    figures = compare_looks(figure(dancer, (40, 160, 60)), figure(dancer))
    assert figures.parts["torso"] > 50
    assert figures.parts["thigh"] < 1
    assert figures.overlap is not None
    assert figures.overlap < 0.6


def test_parts_that_one_of_both_hides_do_not_count(dancer: Floats) -> None:
    upper = dancer.copy()
    upper[:, 13:17] = np.nan
    assert "shin" not in compare_looks(figure(upper), figure(dancer)).parts


def test_nobody_has_no_looks(dancer: Floats) -> None:
    nobody = figure(np.full_like(dancer, np.nan))
    figures = compare_looks(nobody, figure(dancer))
    assert (figures.colour, figures.overlap, figures.texture) == (None, None, None)
    assert not np.isfinite(typical([]).colours).any()


def test_one_odd_frame_does_not_change_the_typical_looks(dancer: Floats) -> None:
    frames = [figure(dancer[i:]) for i in range(6)] + [figure(dancer, (0, 0, 0))]
    assert compare_looks(typical(frames), figure(dancer)).parts["torso"] < 1
