from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose.backends import register_backend
from pose.focus import Focus
from pose.observe import observe
from pose.parts import WARM_UP, ahead, estimate_part
from pose.skeleton import Frame
from pose.video import open_video


def test_frames_are_read_ahead_in_order_and_once() -> None:
    read: list[int] = []

    def frames() -> Iterator[Frame]:
        for number in range(5):
            read.append(number)
            yield np.full((2, 2, 3), number, np.uint8)

    shown = [(int(frame[0, 0, 0]), len(read)) for frame in ahead(frames())]
    assert [number for number, _ in shown] == read == [0, 1, 2, 3, 4]


def test_what_fails_while_reading_ahead_is_raised() -> None:
    def frames() -> Iterator[Frame]:
        yield np.zeros((2, 2, 3), np.uint8)
        raise RuntimeError("torn")

    source = ahead(frames())
    next(source)
    with pytest.raises(RuntimeError, match="torn"):
        next(source)


def test_a_part_is_warmed_up_with_the_frames_before_it(brightness: Any, plain: Path) -> None:
    clip = open_video(plain)
    whole = list(estimate_part(brightness, clip, 0, 30))
    brightness.frames = 0
    part = list(estimate_part(brightness, clip, 26, 30))
    assert brightness.frames == 4 + WARM_UP
    for got, wanted in zip(part, whole[26:], strict=True):
        np.testing.assert_array_equal(got[0], wanted[0])


def test_a_focus_shows_a_part_and_its_answer_comes_back(brightness: Any, plain: Path) -> None:
    boxes = np.tile([10.0, 8.0, 42.0, 40.0], (30, 1))
    seen = observe(
        open_video(plain), backend=brightness, focus=Focus(boxes, np.full(30, 2, np.int64))
    )
    points = np.array([points[0] for points, _ in seen.estimates])
    assert seen.size == (64, 48)
    # the figure is as wide as what is shown, 32 pixels, and starts where the box does
    assert np.ptp(points[:, :17, 1], axis=1) == pytest.approx(32 * 0.79, abs=0.01)
    assert points[:, 0, 1] == pytest.approx(8 + 32 * 0.15)


def test_a_registered_backend_stays_in_this_process(brightness: Any, plain: Path) -> None:
    register_backend("brightness", lambda static: brightness)
    seen = observe(open_video(plain), backend="brightness", workers=4)
    assert brightness.frames == len(seen.estimates) == 30


def test_a_senseless_number_of_workers_is_refused(brightness: Any, plain: Path) -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        observe(open_video(plain), backend=brightness, workers=0)
