"""Flicker, seams and drift of clips whose unrest is known."""

from __future__ import annotations

import numpy as np
import pytest

from animate.judge.steadiness import drift, flicker, jumps, seam_ratio, times_truth

EVERYWHERE = np.ones((12, 8, 8), dtype=bool)


def grey(levels: np.ndarray) -> np.ndarray:
    """(F, 8, 8, 3) of one level a frame."""
    return np.broadcast_to(levels[:, None, None, None], (len(levels), 8, 8, 3)).astype(np.uint8)


def test_what_alternates_flickers_by_its_height() -> None:
    assert flicker(grey(100 + 6 * (np.arange(12) % 2)), EVERYWHERE) == pytest.approx(6)


def test_what_fades_evenly_does_not_flicker() -> None:
    assert flicker(grey(100 + 4 * np.arange(12)), EVERYWHERE) == 0


def test_only_the_background_counts() -> None:
    frames, background = grey(np.full(12, 90)).copy(), EVERYWHERE.copy()
    frames[::2, :4] = 200
    background[:, :4] = False
    assert flicker(frames, background) == 0
    assert np.isnan(flicker(frames, ~EVERYWHERE))


def test_unseen_flicker_beside_a_still_truth_is_none() -> None:
    assert times_truth(0.3, 0.0) == 1
    assert times_truth(2.0, 0.0) == 4
    assert times_truth(3.0, 1.5) == 2


def test_seams_are_found_where_the_borders_are() -> None:
    changes = np.ones(30)
    changes[[9, 19]] = 3
    assert seam_ratio(changes, [10, 20]) == pytest.approx(3)
    assert seam_ratio(changes, [5, 25]) == pytest.approx(1)
    assert seam_ratio(changes, []) is None


def test_a_jump_is_named_by_the_frame_after_it() -> None:
    changes = np.full(20, 2.0)
    changes[7] = 30
    assert jumps(changes) == (8,)
    assert jumps(np.full(20, 2.0)) == ()


def test_drift_is_the_way_from_start_to_end() -> None:
    colours = np.stack([np.linspace(50, 60, 40), np.zeros(40), np.zeros(40)], axis=1)
    assert drift(colours) == pytest.approx(10, rel=0.15)
    colours[5:9] = np.nan
    assert drift(colours) == pytest.approx(10, rel=0.2)
    assert drift(colours[:10]) is None
