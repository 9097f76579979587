from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temporal.errors import WindowError
from temporal.windows import coverage, official_starts, plan_windows


@st.composite
def settings(draw: st.DrawFn) -> tuple[int, int, int]:
    window = draw(st.integers(1, 40))
    return draw(st.integers(1, 300)), window, draw(st.integers(0, window - 1))


@given(settings())
def test_weighted_windows_cover_every_frame(asked: tuple[int, int, int]) -> None:
    frames, window, overlap = asked
    plan = plan_windows(frames, window, overlap)
    assert min(coverage(plan, frames)) > 0
    assert plan[0].start == 0
    assert plan[-1].stop == frames


@given(settings())
def test_weighted_windows_overlap_exactly_as_asked(asked: tuple[int, int, int]) -> None:
    frames, window, overlap = asked
    plan = plan_windows(frames, window, overlap)
    for left, right in pairwise(plan):
        assert left.stop - right.start == overlap
    lengths = [len(one) for one in plan]
    assert max(lengths) <= window
    assert max(lengths) - min(lengths) <= 1


@given(settings())
def test_weighted_windows_waste_nothing(asked: tuple[int, int, int]) -> None:
    frames, window, overlap = asked
    plan = plan_windows(frames, window, overlap)
    assert sum(map(len, plan)) == frames + (len(plan) - 1) * overlap
    # One window fewer could not cover the clip.
    assert len(plan) == 1 or (len(plan) - 1) * (window - overlap) + overlap < frames


@given(settings())
def test_slots_have_weights_controls_and_ramp(asked: tuple[int, int, int]) -> None:
    frames, window, overlap = asked
    for one in plan_windows(frames, window, overlap):
        assert len(one.weights) == len(one.controls) == len(one.ramp) == len(one)
        assert all(0 < weight <= 1 for weight in one.weights)
        assert one.controls == tuple(range(one.start, one.stop))


@given(settings())
def test_weights_of_two_windows_sum_to_one(asked: tuple[int, int, int]) -> None:
    frames, window, overlap = asked
    plan = plan_windows(frames, window, overlap)
    if all(len(one) >= 2 * overlap for one in plan):
        assert coverage(plan, frames) == pytest.approx([1.0] * frames)


@given(settings())
def test_official_windows_cover_every_frame_or_are_refused(asked: tuple[int, int, int]) -> None:
    frames, window, overlap = asked
    try:
        plan = plan_windows(frames, window, overlap, blend="official")
    except WindowError:
        # Slot 0 of later windows is discarded, so that without overlap frames are left out.
        assert overlap == 0 < window < frames
        return
    assert min(coverage(plan, frames)) > 0
    assert all(len(one) == min(window, frames) for one in plan)


def test_guidance_ramps_over_the_clip_or_over_the_window() -> None:
    weighted = plan_windows(7, 4, 1)
    assert weighted[0].ramp[0] == 0
    assert weighted[-1].ramp[-1] == 1
    assert weighted[-1].ramp[0] == pytest.approx(0.5)
    assert all(
        one.ramp[0] == 0 and one.ramp[-1] == 1 for one in plan_windows(7, 4, 1, blend="official")
    )


def test_a_clip_one_frame_longer_than_the_window_costs_little() -> None:
    assert sum(map(len, plan_windows(25, 24, 6))) == 31
    assert sum(map(len, plan_windows(25, 24, 6, blend="official"))) == 48


def test_official_windows_look_at_frame_0_and_discard_slot_0() -> None:
    first, second = plan_windows(7, 4, 1, blend="official")
    assert (first.controls, first.weights) == ((0, 1, 2, 3), (1, 1, 1, 1))
    assert (second.controls, second.weights) == ((0, 4, 5, 6), (0, 1, 1, 1))
    free = plan_windows(7, 4, 1, blend="official", anchored=False)[1]
    assert free.controls == (3, 4, 5, 6)


@pytest.mark.parametrize(
    ("frames", "window", "overlap"), [(0, 4, 1), (4, 0, 0), (4, 4, -1), (9, 4, 4), (9, 4, 7)]
)
def test_impossible_settings_are_refused(frames: int, window: int, overlap: int) -> None:
    with pytest.raises(WindowError):
        plan_windows(frames, window, overlap)


def test_official_starts_fail_where_the_reference_does() -> None:
    with pytest.raises(WindowError, match="equals the effective window"):
        official_starts(4, 14, 4)
    assert official_starts(16, 14, 15) == []


@given(settings(), st.integers(0, 9))
def test_shifted_windows_show_every_frame_once(asked: tuple[int, int, int], step: int) -> None:
    frames, window, _ = asked
    plan = plan_windows(frames, window, blend="shifted", step=step)
    assert coverage(plan, frames) == [1.0] * frames
    assert [frame for one in plan for frame in one.controls] == list(range(frames))
    assert max(map(len, plan)) <= window


@given(st.integers(4, 40), st.integers(2, 300))
def test_shifted_windows_are_never_much_shorter_than_asked(window: int, frames: int) -> None:
    for step in range(4):
        shortest = min(map(len, plan_windows(frames, window, blend="shifted", step=step)))
        assert shortest >= min(frames, window // 4)


def test_borders_of_shifted_windows_move_with_the_step() -> None:
    borders = [
        {one.start for one in plan_windows(96, 24, blend="shifted", step=step)} - {0}
        for step in range(5)
    ]
    assert borders[0] == borders[4]
    assert not set.intersection(*borders[:2])
    assert len(set.union(*borders[:4])) == sum(map(len, borders[:4]))


def test_the_ramp_can_be_chosen() -> None:
    over_windows = plan_windows(7, 4, 1, ramp="window")
    assert all(one.ramp[0] == 0 and one.ramp[-1] == 1 for one in over_windows)
    official = plan_windows(7, 4, 1, blend="official", ramp="clip")
    assert official[1].ramp[0] == pytest.approx(0.5)
