from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose.anatomy import body_size
from pose.skeleton import COUNT, INDEX, LEFT_HAND
from pose.smooth import smooth

ELBOW, WRIST = INDEX["left_elbow"], INDEX["left_wrist"]
Floats = NDArray[np.float64]
TORSO = 27.0  # of the figure `standing`, 100 pixels high


@pytest.fixture
def still(standing: Any) -> Any:
    """Make a figure of 100 pixels that stands still: keypoints, scores, times."""

    def make(frames: int = 60, fps: float = 30.0, people: int = 1) -> Any:
        points = np.tile(100 * standing[0], (frames, people, 1, 1))
        return points, np.full(points.shape[:3], 0.9), np.arange(frames) / fps

    return make


def shaken(points: Floats, seed: int = 0, sigma: float = 0.2) -> Floats:
    return points + np.random.default_rng(seed).normal(0, sigma, points.shape)


def tremble(points: Floats) -> float:
    return float(np.sqrt((np.diff(points, 2, axis=0) ** 2).mean()))


def test_a_still_body_trembles_much_less(still: Any) -> None:
    points, scores, times = still()
    seen = shaken(points)
    assert tremble(smooth(seen, scores, times, 0.5)) < 0.3 * tremble(seen)


def test_more_strength_is_calmer(still: Any) -> None:
    points, scores, times = still()
    trembles = [tremble(smooth(shaken(points), scores, times, s)) for s in (0, 0.1, 0.3, 0.5, 1)]
    assert trembles == sorted(trembles, reverse=True)


def test_strength_0_changes_no_bit(still: Any) -> None:
    points, scores, times = still()
    points[3, 0, ELBOW] = np.nan
    seen = shaken(points)
    assert smooth(seen, scores, times, 0).tobytes() == seen.tobytes()


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_other_strengths_are_refused(still: Any, strength: float) -> None:
    with pytest.raises(ValueError, match="strength from 0 to 1"):
        smooth(*still(3), strength)


def test_a_flick_keeps_its_height_and_its_time(still: Any) -> None:
    points, scores, times = still(90)
    part = (np.abs(times - 1.5) / 0.2).clip(0, 1)
    points[:, 0, ELBOW, 0] += TORSO * (1 - 10 * part**3 + 15 * part**4 - 6 * part**5)
    seen = shaken(points, sigma=0.1)
    calm = smooth(seen, scores, times, 0.5)[:, 0, ELBOW, 0]
    assert int(calm.argmax()) == 45
    assert abs(calm - points[:, 0, ELBOW, 0]).max() < 0.02 * TORSO


def test_even_motion_is_reproduced(still: Any) -> None:
    points, scores, times = still()
    points += 30 * times[:, None, None, None]
    assert smooth(points, scores, times, 1.0) == pytest.approx(points)


def test_a_step_overshoots_little(still: Any) -> None:
    points, scores, times = still()
    points[30:, 0, ELBOW, 0] += TORSO
    calm = smooth(points, scores, times, 0.5)[:, 0, ELBOW, 0]
    assert calm.max() - points[-1, 0, ELBOW, 0] < 0.03 * TORSO
    assert points[0, 0, ELBOW, 0] - calm.min() < 0.03 * TORSO


def test_frame_rates_are_smoothed_alike(still: Any) -> None:
    calm = []
    for fps in (24, 60):
        points, scores, times = still(3 * fps, fps)
        points[:, 0, ELBOW, 0] += 0.02 * TORSO * np.sin(2 * np.pi * 4 * times)
        calm.append(np.ptp(smooth(points, scores, times, 0.5)[fps:-fps, 0, ELBOW, 0]))
    assert calm[0] == pytest.approx(calm[1], rel=0.1)
    assert calm[0] < 0.8 * 0.04 * TORSO


def test_a_doubtful_position_counts_less(still: Any) -> None:
    points, scores, times = still()
    points[30, 0, ELBOW, 0] += 1
    sure = smooth(points, scores, times, 0.5)
    scores[30, 0, ELBOW] = 0.1
    unsure = smooth(points, scores, times, 0.5)
    assert abs(unsure - points[0]).max() < 0.5 * abs(sure - points[0]).max()


def test_missing_samples_stay_missing_and_do_not_spread(still: Any) -> None:
    points, scores, times = still()
    points, lost = shaken(points), np.zeros(points.shape[:3], bool)
    lost[10:13, 0, ELBOW] = lost[30:, 0, WRIST] = lost[:, 0, 100] = True
    points[lost] = np.nan
    points[20, 0, ELBOW, 1], scores[21, 0, ELBOW] = np.inf, np.nan
    lost[[20, 21], 0, ELBOW] = True
    calm = smooth(points, scores, times, 0.5)
    assert np.array_equal(calm[lost], points[lost], equal_nan=True)
    assert np.isfinite(calm[~lost]).all()


def test_runs_between_long_gaps_know_nothing_of_each_other(still: Any) -> None:
    points, scores, times = still()
    points = shaken(points)
    points[20:36, 0, ELBOW], scores[20:36, 0, ELBOW] = np.nan, 0
    calm = smooth(points, scores, times, 0.5)
    points[36:, 0, ELBOW] += 3
    moved = smooth(points, scores, times, 0.5)
    assert np.array_equal(moved[:20, 0, ELBOW], calm[:20, 0, ELBOW])
    assert moved[36:, 0, ELBOW] == pytest.approx(calm[36:, 0, ELBOW] + 3)


def test_a_waving_hand_keeps_its_shape(still: Any) -> None:
    points, scores, times = still(90)
    wave = TORSO * np.sin(2 * np.pi * 2.5 * times)
    points[:, 0, [ELBOW, WRIST, *range(91, 112)], 0] += wave[:, None]
    rigid = points[:, 0, LEFT_HAND]
    seen = shaken(points)
    calm = smooth(seen, scores, times, 0.5)[:, 0, LEFT_HAND]
    assert tremble(calm - calm.mean(axis=1, keepdims=True)) < 0.4 * tremble(
        seen[:, 0, LEFT_HAND] - seen[:, 0, LEFT_HAND].mean(axis=1, keepdims=True)
    )
    assert abs(calm - rigid).max() < abs(seen[:, 0, LEFT_HAND] - rigid).max() * 1.1


def test_few_frames_and_nobody_pass(still: Any) -> None:
    points, scores, times = still(2)
    assert np.array_equal(smooth(points, scores, times, 1), points)
    nobody = np.empty((4, 0, COUNT, 2))
    assert smooth(nobody, nobody[..., 0], np.arange(4.0), 1).shape == nobody.shape


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 100), shift=st.floats(-1e3, 1e3))
def test_smoothing_commutes_with_moving_scaling_and_reversal(
    seed: int, scale: float, shift: float
) -> None:
    points, scores, times = _walk(seed)
    calm = smooth(points, scores, times, 0.5)
    size = float(body_size(points).max())
    moved = smooth(scale * points + shift, scores, times, 0.5)
    tolerance = 1e-6 * size
    assert (moved - shift) / scale == pytest.approx(calm, abs=tolerance, nan_ok=True)
    turned = smooth(points[::-1], scores[::-1], times[-1] - times[::-1], 0.5)[::-1]
    assert turned == pytest.approx(calm, abs=tolerance, nan_ok=True)
    swapped = smooth(points[:, ::-1], scores[:, ::-1], times, 0.5)[:, ::-1]
    assert swapped == pytest.approx(calm, abs=tolerance, nan_ok=True)


def _walk(seed: int) -> tuple[Floats, Floats, Floats]:
    """Two persons of random joints on random walks, some of them missing, at uneven times."""
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 50, (1, 2, COUNT, 2)) + rng.normal(0, 5, (12, 2, COUNT, 2)).cumsum(0)
    scores = rng.uniform(0.05, 1, points.shape[:3])
    lost = rng.random(scores.shape) < 0.2
    points[lost], scores[lost] = np.nan, 0
    return points, scores, rng.uniform(0.01, 0.2, 12).cumsum()
