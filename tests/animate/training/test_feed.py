import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from animate.training.errors import TrainingError
from animate.training.feed import Draws, Share, feed
from tests.animate.training.toy import NoiseSource


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_processes_and_parts_share_the_places_of_a_step(size: int, parts: int, count: int) -> None:
    shares = [
        Share(seed=0, size=size, parts=parts, process=rank, processes=count)
        for rank in range(count)
    ]
    places = [place for share in shares for part in range(parts) for place in share.places(part)]
    assert sorted(places) == list(range(size * parts * count))


def test_two_processes_are_fed_what_one_is() -> None:
    whole = Draws(NoiseSource(), Share(seed=1, size=4))[7]
    halves = [
        Draws(NoiseSource(), Share(seed=1, size=2, process=rank, processes=2))[7] for rank in (0, 1)
    ]
    assert torch.equal(whole.control, torch.cat([half.control for half in halves]))
    assert whole.names == halves[0].names + halves[1].names


def test_steps_seeds_and_places_differ() -> None:
    first = Share(seed=0, size=2)
    drawn = {
        float(torch.rand((), generator=one))
        for share in (first, Share(seed=1, size=2))
        for step in (0, 1)
        for one in share.generators(step, 0)
    }
    assert len(drawn) == 8


def test_a_stream_can_begin_anywhere() -> None:
    share = Share(seed=0, size=2, parts=2)
    whole = list(feed(NoiseSource(), share, first=0, steps=4, workers=0))
    rest = list(feed(NoiseSource(), share, first=2, steps=4, workers=0))
    assert [len(parts) for parts in whole] == [2] * 4
    for one, other in zip(whole[2:], rest, strict=True):
        assert all(torch.equal(a.control, b.control) for a, b in zip(one, other, strict=True))


def test_broken_samples_are_replaced_and_told() -> None:
    batch = Draws(NoiseSource(broken=0.5), Share(seed=0, size=8))[0]
    assert len(batch) == 8
    assert batch.skipped
    assert all("cut off" in line for line in batch.skipped)


def test_nothing_but_broken_samples_is_an_error() -> None:
    with pytest.raises(TrainingError, match=r"step 4: 50 broken samples .* cut off; check"):
        Draws(NoiseSource(broken=1.0), Share(seed=0, size=1))[3]
