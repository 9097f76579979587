from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.proportions import COUNT, PARTS, compare, lengths, nearness, with_middles
from pose.skeleton import INDEX

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]


def parts(
    standing: Arrays, reference: NDArray[np.float64], scores: NDArray[np.float64] | None = None
) -> dict[str, float]:
    """The reference's parts beside those of the standing figure."""
    points, values = with_middles(standing[0][None], standing[1][None])
    target, shown = with_middles(reference, standing[1] if scores is None else scores)
    found = compare(points, values > 0.3, target, shown)
    assert found is not None
    return found.parts


def test_a_figure_beside_itself_is_one(standing: Arrays) -> None:
    ratios = parts(standing, standing[0])
    assert set(ratios) == set(PARTS)
    assert list(ratios.values()) == pytest.approx([1.0] * len(PARTS))


def test_one_side_is_enough(standing: Arrays) -> None:
    reference, scores = standing[0] * 2, standing[1].copy()
    scores[[INDEX["left_elbow"], INDEX["right_knee"]]] = 0
    ratios = parts(standing, reference, scores)
    assert ratios["forearm"] == pytest.approx(2)
    assert ratios["shin"] == pytest.approx(2)


def test_an_arm_pointing_at_the_viewer_does_not_count(standing: Arrays) -> None:
    reference = standing[0].copy()
    reference[INDEX["left_wrist"]] = reference[INDEX["left_elbow"]] + 0.01
    assert parts(standing, reference)["forearm"] == pytest.approx(1)


def test_seated_thighs_are_as_long_as_the_shins_say(standing: Arrays) -> None:
    reference = standing[0].copy()
    for side in ("left", "right"):
        hip, knee, ankle = (INDEX[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
        lift = 0.7 * (reference[knee] - reference[hip])
        reference[[knee, ankle]] -= lift
    assert parts(standing, reference)["thigh"] == pytest.approx(1)


def test_a_side_view_is_not_narrow(standing: Arrays) -> None:
    reference = standing[0].copy()
    reference[:, 0] = 0.5 + 0.1 * (reference[:, 0] - 0.5)
    ratios = parts(standing, reference)
    assert ratios["shoulders"] == ratios["hips"] == ratios["torso"] == pytest.approx(1, abs=0.05)


def test_two_side_views_say_nothing_about_shoulders(standing: Arrays) -> None:
    narrow = [standing[0].copy(), standing[0].copy()]
    for figure, width in zip(narrow, (0.1, 0.16), strict=True):
        figure[:, 0] = 0.5 + width * (figure[:, 0] - 0.5)
    ratios = parts((narrow[0], standing[1]), narrow[1])
    assert ratios["shoulders"] == ratios["torso"] == pytest.approx(1)
    assert parts((narrow[0], standing[1]), narrow[1] * 2)["hips"] == pytest.approx(2)


def test_a_side_that_is_hidden_does_not_hide_the_torso(standing: Arrays) -> None:
    reference, scores = standing[0].copy(), standing[1].copy()
    reference[:, 0] = 0.5 + 0.05 * (reference[:, 0] - 0.5)
    far = [index for name, index in INDEX.items() if name.startswith("right")]
    reference[far], scores[far] = np.nan, 0
    assert parts(standing, reference * 3, scores)["torso"] == pytest.approx(3, rel=0.02)


def test_a_part_that_is_always_seen_short_is_measured_on_the_other_side(standing: Arrays) -> None:
    driving = np.repeat(standing[0][None], 5, axis=0)
    driving[:, INDEX["left_ankle"]] = driving[:, INDEX["left_knee"]]
    points, values = with_middles(driving, np.repeat(standing[1][None], 5, axis=0))
    whole, seen = with_middles(standing[0][None], standing[1][None])
    assert lengths(points, values > 0.3)["shin"] == pytest.approx(
        lengths(whole, seen > 0.3)["shin"]
    )


def test_walking_to_the_camera_is_not_growing(standing: Arrays) -> None:
    zoom = np.linspace(0.5, 1.5, 101)
    points, values = with_middles(standing[0] * zoom[:, None, None], np.full((101, COUNT), 0.9))
    whole, seen = with_middles(standing[0][None], standing[1][None])
    grown, real = lengths(points, values > 0.3), lengths(whole, seen > 0.3)
    assert grown["thigh"] == pytest.approx(real["thigh"], rel=0.1)


def test_nearness_is_one_at_the_median() -> None:
    spans = np.outer(np.linspace(1, 3, 61), [10.0, 20.0, 5.0])
    spans[7, 0] = np.nan
    near = nearness(spans)
    assert np.median(near) == pytest.approx(1)
    assert near[50] / near[10] == pytest.approx(spans[50, 1] / spans[10, 1], rel=0.05)


def test_figures_without_a_common_part_of_the_body_cannot_be_compared(standing: Arrays) -> None:
    points, values = with_middles(standing[0][None], standing[1][None])
    assert compare(points, np.zeros(values.shape, bool), points[0], values[0]) is None
