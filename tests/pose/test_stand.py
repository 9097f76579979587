"""Hung legs: feet on the floor, knees that give way."""

from __future__ import annotations

import numpy as np
import pytest

from pose.skeleton import COUNT, INDEX
from pose.stand import ANKLES, CALM, FEET, KNEES, MOST, stand

FPS, FRAMES = 24, 96
LEG = 40.0
TIMES = np.arange(FRAMES) / FPS
HIPS = np.array([INDEX["left_hip"], INDEX["right_hip"]])
HUNG = np.isin(np.arange(COUNT), [*KNEES, *FEET])


@pytest.fixture
def reference() -> np.ndarray:
    points = np.random.default_rng(0).uniform(0, 40, (COUNT, 2))
    points[HIPS, 1], points[KNEES, 1], points[ANKLES, 1] = 50.0, 70.0, 90.0
    points[HIPS, 0] = points[KNEES, 0] = points[ANKLES, 0] = (20.0, 30.0)
    return points


def dancing(reference: np.ndarray, sway: float, *, seconds: float) -> np.ndarray:
    """The reference's figure, going to and fro by `sway` pixels in so many seconds."""
    way = sway * np.sin(2 * np.pi * TIMES / seconds)
    return reference + np.stack([way, way / 2], axis=-1)[:, None]


def test_feet_stay_where_hips_bounce(reference: np.ndarray) -> None:
    points = dancing(reference, 3.0, seconds=CALM)
    hips = points[:, HIPS].copy()
    stand(points, HUNG, reference, TIMES)
    inner = slice(FPS, -FPS)  # whole windows
    assert np.allclose(points[inner][:, FEET], reference[FEET], atol=0.3)
    assert np.allclose(points[inner][:, HIPS], hips[inner], atol=0.3)
    half = (points[:, HIPS] + points[:, ANKLES]) / 2
    assert np.allclose(points[:, KNEES], half, atol=1e-6)


def test_a_leg_gives_way_only_so_far(reference: np.ndarray) -> None:
    points = dancing(reference, 30.0, seconds=CALM)
    stand(points, HUNG, reference, TIMES)
    legs = points[:, ANKLES] - points[:, HIPS] - (reference[ANKLES] - reference[HIPS])
    assert np.linalg.norm(legs, axis=-1).max() == pytest.approx(MOST * LEG)


def test_a_slow_way_is_gone_but_not_up_and_down(reference: np.ndarray) -> None:
    points = reference + (TIMES[:, None] * (10.0, 5.0))[:, None]
    stand(points, HUNG, reference, TIMES)
    assert np.allclose(points[..., 0], reference[:, 0] + 10.0 * TIMES[:, None])
    assert np.allclose(points[..., 1], reference[:, 1])


def test_knees_that_are_seen_stay(reference: np.ndarray) -> None:
    points = dancing(reference, 3.0, seconds=CALM)
    knees, hips = points[:, KNEES].copy(), points[:, HIPS].copy()
    stand(points, HUNG & ~np.isin(np.arange(COUNT), KNEES), reference, TIMES)
    assert np.allclose(points[:, KNEES] - points[:, HIPS], knees - hips)


def test_a_reference_whose_hips_are_hidden_has_feet_as_well(reference: np.ndarray) -> None:
    points = dancing(reference, 3.0, seconds=CALM)
    reference[HIPS] = np.nan
    stand(points, HUNG, reference, TIMES)
    assert np.isfinite(points[:, FEET]).all()


def test_frames_without_anybody_change_nothing(reference: np.ndarray) -> None:
    points = dancing(reference, 3.0, seconds=CALM)
    points[10:14] = np.nan
    stand(points, HUNG, reference, TIMES)
    assert np.isnan(points[10:14]).all()
    assert np.isfinite(points[14:]).all()
    nobody = np.full_like(points, np.nan)
    stand(nobody, HUNG, reference, TIMES)
    assert np.isnan(nobody).all()
    alone = reference[None].copy()
    stand(alone, HUNG, reference, TIMES[:1])
    assert np.array_equal(alone[0], reference)
