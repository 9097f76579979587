from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animate.training.adherence import colour_distance
from animate.training.portraits import (
    BUCKETS,
    COLOURS,
    POSES,
    Portraits,
    build_portraits,
    load_portraits,
    render_portraits,
)


def test_portraits_come_with_all_that_is_known(portraits: Portraits) -> None:
    width, height = portraits.size
    assert (width, height) in {(bucket.width, bucket.height) for bucket in BUCKETS}
    assert portraits.frames.shape == (len(portraits), height, width, 3)
    assert portraits.parts.shape == portraits.depth.shape == (len(portraits), height, width)
    assert len(portraits.facts) == len(portraits)


def test_a_seed_is_always_the_same_portraits(portraits: Portraits) -> None:
    again = render_portraits(3, 2)
    assert np.array_equal(again.frames, portraits.frames[:2])
    assert again.facts == portraits.facts[:2]


def test_the_wall_has_the_colour_that_is_told(portraits: Portraits) -> None:
    for frame, parts, facts in zip(portraits.frames, portraits.parts, portraits.facts, strict=True):
        corner = np.median(frame[:8][parts[:8] == 0], axis=0)
        assert colour_distance(tuple(corner), COLOURS[facts.place]) < 25


def test_the_wall_is_behind_the_figure(portraits: Portraits) -> None:
    figure = portraits.parts > 0
    assert np.isfinite(portraits.depth).all()
    assert portraits.depth[figure].max() < portraits.depth[~figure].min()


def test_skin_can_be_chosen() -> None:
    green = render_portraits(3, POSES, skin=(70.0, 190.0, 80.0))
    head = green.frames[green.parts == 3].astype(float)
    assert (head[:, 1] > head[:, 0] + 30).mean() > 0.2


def test_a_corpus_goes_on_where_it_stopped(tmp_path: Path) -> None:
    build_portraits(tmp_path, 1)
    (kept,) = tmp_path.glob("*.npz")
    written = kept.stat().st_mtime_ns
    build_portraits(tmp_path, 2)
    assert kept.stat().st_mtime_ns == written
    stacks = load_portraits(tmp_path)
    assert sum(map(len, stacks)) == 2 * len(render_portraits(0))
    assert len({stack.size for stack in stacks}) == len(stacks)


def test_an_empty_corpus_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="build_portraits"):
        load_portraits(tmp_path)
