from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose.errors import NoPersonError
from pose.identity import Person, choose, link, parse_person
from pose.skeleton import COUNT, INDEX

Floats = NDArray[np.float64]
SIZE = (640, 360)
NOSE = INDEX["nose"]
FPS = 25.0


def figure(x: float, height: float = 200.0, *, score: float = 0.9) -> tuple[Floats, Floats]:
    """A person of that height who stands at x on the ground; the same pose for the same height."""
    shape = np.random.default_rng(round(height)).uniform(0, 1, (COUNT, 2)) * [0.4, 1.0]
    points = shape * height + [x - 0.2 * height, 350 - height]
    return points, np.full(COUNT, score)


def film(*people: Sequence[float | None], heights: Sequence[float] = (200.0, 170.0, 140.0)) -> Any:
    """An estimate a frame of persons who are at these places, or out of sight (None)."""
    frames = []
    for places in zip(*people, strict=True):
        seen = [figure(x, h) for x, h in zip(places, heights, strict=False) if x is not None]
        points = np.array([points for points, _ in seen]).reshape(-1, COUNT, 2)
        frames.append((points, np.array([values for _, values in seen]).reshape(-1, COUNT)))
    return frames


def linked(frames: Any, fps: float = FPS) -> tuple[Floats, Floats]:
    return link(frames, np.arange(len(frames)) / fps, SIZE)


def walk(start: float, end: float, frames: int = 40) -> list[float]:
    return list(np.linspace(start, end, frames))


def path_of(keypoints: Floats, slot: int) -> list[float]:
    """Where a person's nose is over time, in steps of walk()."""
    return [float(x) for x in keypoints[:, slot, NOSE, 0]]


def test_persons_who_change_places_in_the_list_keep_their_slots() -> None:
    frames = film(walk(100, 120), walk(400, 420))
    swapped = [(p[::-1], s[::-1]) if i % 2 else (p, s) for i, (p, s) in enumerate(frames)]
    for one, other in zip(linked(frames), linked(swapped), strict=True):
        assert np.array_equal(one, other, equal_nan=True)


@settings(max_examples=20, deadline=None)
@given(
    places=st.lists(
        st.lists(st.integers(0, 640) | st.none(), min_size=6, max_size=6), min_size=1, max_size=4
    ),
    seed=st.integers(0, 2**16),
)
def test_the_order_within_a_frame_never_matters(
    places: list[list[float | None]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    frames = film(*places, heights=(200, 170, 140, 170))
    shuffled = []
    for points, scores in frames:
        order = rng.permutation(len(points))
        shuffled.append((points[order], scores[order]))
    for one, other in zip(linked(frames), linked(shuffled), strict=True):
        assert np.array_equal(one, other, equal_nan=True)


@settings(max_examples=12, deadline=None)
@given(
    frames=st.integers(20, 80),
    heights=st.tuples(st.integers(120, 240), st.integers(120, 240)),
    hidden=st.integers(0, 6),
    seed=st.integers(0, 2**16),
)
def test_persons_who_walk_past_each_other_stay_who_they_are(
    frames: int, heights: tuple[int, int], hidden: int, seed: int
) -> None:
    """Also if the one behind is not seen for some frames in the middle, and all joints tremble."""
    one, other = walk(80, 560, frames), walk(560, 80, frames)
    unseen = range((frames - hidden) // 2, (frames - hidden) // 2 + hidden)
    behind = [None if frame in unseen else x for frame, x in enumerate(other)]
    estimates = film(one, behind, heights=heights)
    rng = np.random.default_rng(seed)
    estimates = [(points + rng.normal(0, 2, points.shape), scores) for points, scores in estimates]
    keypoints, _ = linked(estimates)
    assert keypoints.shape[1] == 2
    steps = np.array([path_of(keypoints, slot) for slot in (0, 1)])
    rightwards = np.nanmean(np.diff(steps, axis=1), axis=1) > 0
    assert sorted(rightwards) == [False, True]
    for slot in (0, 1):
        ways = np.diff(steps[slot][np.isfinite(steps[slot])])
        assert ((ways > -20) if rightwards[slot] else (ways < 20)).all()


def test_who_comes_back_soon_to_the_same_place_is_the_same() -> None:
    away = [*walk(500, 620, 20), *[None] * 40, *walk(620, 500, 20)]
    keypoints, scores = linked(film(walk(100, 110, 80), away))
    assert keypoints.shape[1] == 2
    assert (scores[:, 1].any(axis=1)).sum() == 40


def test_who_comes_back_late_is_somebody_else() -> None:
    away = [*walk(500, 620, 20), *[None] * 100, *walk(620, 500, 20)]
    keypoints, scores = linked(film(walk(100, 110, 140), away))
    assert keypoints.shape[1] == 3
    assert [int(n) for n in scores.any(axis=2).sum(axis=0)] == [140, 20, 20]


def test_who_comes_at_another_place_and_size_is_somebody_else() -> None:
    first = [*walk(600, 610, 20), *[None] * 40]
    second = [*[None] * 40, *walk(300, 310, 20)]
    keypoints, _ = linked(film(walk(100, 110, 60), first, second, heights=(200, 170, 60)))
    assert keypoints.shape[1] == 3


def test_a_lone_person_stays_one_however_long_unseen_and_however_far_moved() -> None:
    there_and_back = [*[100.0] * 5, *[None] * 100, *[550.0] * 5, *[60.0] * 5]
    keypoints, scores = linked(film(there_and_back))
    assert keypoints.shape[1] == 1
    assert scores.any(axis=2).sum() == 15


def test_frames_with_nobody_stay_empty() -> None:
    keypoints, scores = linked(film([None, 100.0, None]))
    assert np.isnan(keypoints[[0, 2]]).all()
    assert scores.any(axis=(1, 2)).tolist() == [False, True, False]
    nobody, _ = linked(film([None, None]))
    assert nobody.shape == (2, 0, COUNT, 2)
    assert link([], np.empty(0), SIZE)[0].shape == (0, 0, COUNT, 2)


def test_persons_without_any_joint_are_nobody() -> None:
    points, _ = figure(100)
    keypoints, _ = linked([(np.full_like(points, np.nan)[None], np.zeros((1, COUNT)))])
    assert keypoints.shape == (1, 0, COUNT, 2)


def test_an_estimators_numbers_that_are_none_are_missing_joints() -> None:
    frames = film(walk(100, 120), walk(400, 420))
    for place, bad in ((3, np.nan), (5, np.inf)):
        frames[place][0][0, NOSE + 1] = bad
    keypoints, scores = linked(frames)
    assert np.isnan(keypoints[[3, 5], 0, NOSE + 1]).all()
    assert not scores[[3, 5], 0, NOSE + 1].any()
    assert len(keypoints[0]) == 2


def test_duplicates_of_a_person_are_merged_into_the_clearer_one() -> None:
    frames = []
    for x in walk(100, 120):
        points, scores = figure(x)
        twice = np.array([points + 2.0, points])
        frames.append((twice, np.array([scores * 0.7, scores])))
    keypoints, _ = linked(frames)
    assert keypoints.shape[1] == 1
    assert path_of(keypoints, 0)[0] == figure(100)[0][NOSE, 0]


def test_short_doubtful_identities_are_dropped_but_sure_ones_are_not() -> None:
    def appearing(score: float) -> int:
        frames = film(walk(100, 110), [None] * 40)
        for number in (10, 11):
            points, values = frames[number]
            ghost, doubt = figure(500, 150, score=score)
            frames[number] = (np.append(points, ghost[None], 0), np.append(values, doubt[None], 0))
        return int(linked(frames)[0].shape[1])

    assert (appearing(0.4), appearing(0.8)) == (1, 2)


def test_the_only_one_is_never_dropped() -> None:
    points, scores = figure(100, score=0.2)
    nobody = (np.empty((0, COUNT, 2)), np.empty((0, COUNT)))
    keypoints, _ = linked([(points[None], scores[None]), *[nobody] * 40])
    assert keypoints.shape[1] == 1


def test_the_most_prominent_is_who_covers_most_over_time() -> None:
    tall_but_short_stay = [*walk(500, 510, 10), *[None] * 30]
    _, scores = linked(film(tall_but_short_stay, walk(100, 110), heights=(220, 150)))
    assert [int(n) for n in scores.any(axis=2).sum(axis=0)] == [40, 10]


def test_low_rates_do_not_tear_people_apart() -> None:
    keypoints, _ = linked(film(walk(60, 320, 4), walk(500, 540, 4)), fps=3.0)
    assert keypoints.shape[1] == 2


@pytest.fixture(scope="module")
def three() -> tuple[Floats, Floats]:
    """Three persons at 100, 300 and 500, of whom the second comes later."""
    return linked(film([100.0] * 9, [None] * 3 + [300.0] * 6, [500.0] * 9))


@pytest.mark.parametrize(
    ("person", "slots"),
    [
        ("largest", [0]),
        ("all", [0, 1, 2]),
        (1, [0]),
        (3, [2]),
        ((100.0, 300.0), [0]),
        ((490, 300), [1]),
        ((260.0, 300.0), [0]),  # nearest in the first frame, where nobody is at 300
        ((5000.0, -5000.0), [1]),
    ],
)
def test_a_person_is_chosen(three: Any, person: Person, slots: list[int]) -> None:
    noses = three[0][5, :, NOSE, 0]
    order = [figure(100)[0][NOSE, 0], figure(500, 140)[0][NOSE, 0], figure(300, 170)[0][NOSE, 0]]
    assert noses == pytest.approx(order)
    assert choose(*three, person) == slots


def test_too_high_a_number_says_how_many_there_are(three: Any) -> None:
    with pytest.raises(NoPersonError, match="person 4 was asked for, but only 3 persons are seen"):
        choose(*three, 4)
    with pytest.raises(NoPersonError, match="but only 1 person is seen"):
        choose(*linked(film([100.0])), 2)
    with pytest.raises(NoPersonError, match="no person is seen"):
        choose(*linked(film([None])), "largest")


@pytest.mark.parametrize("person", ["tallest", 0, -1, True, 1.5, (1,), (1, np.nan), None, "2"])
def test_nonsense_is_refused(three: Any, person: Any) -> None:
    with pytest.raises(ValueError, match="expected largest, all, a number"):
        choose(*three, person)


def test_a_person_is_read_from_the_command_line() -> None:
    texts = ("largest", "all", "2", "320,480", " 3.5, 7 ")
    assert [parse_person(text) for text in texts] == ["largest", "all", 2, (320, 480), (3.5, 7)]


@pytest.mark.parametrize("text", ["", "0", "-2", "2.5", "1,2,3", "x,y", "nan,1", "1,inf", "tall"])
def test_a_bad_person_is_one_line_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r"^unknown person .*: expected largest, all, .*$"):
        parse_person(text)
