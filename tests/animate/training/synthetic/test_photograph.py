from __future__ import annotations

import cv2
import numpy as np
import pytest

from animate.training.synthetic import Photograph, Rendering, photograph, random_photograph


def test_the_plain_look_changes_nothing(dance_pictures: Rendering) -> None:
    frames = dance_pictures.frames
    np.testing.assert_array_equal(photograph(frames, dance_pictures.parts, Photograph()), frames)


def test_a_look_repeats(dance_pictures: Rendering) -> None:
    look = random_photograph(np.random.default_rng(1))
    first, second = (photograph(dance_pictures.frames, dance_pictures.parts, look) for _ in "ab")
    np.testing.assert_array_equal(first, second)


def test_texture_and_defocus_leave_the_figure_alone(dance_pictures: Rendering) -> None:
    look = Photograph(texture=20.0, defocus=15.0, seed=3)
    result = photograph(dance_pictures.frames, dance_pictures.parts, look)
    masks = dance_pictures.masks
    np.testing.assert_array_equal(result[masks], dance_pictures.frames[masks])
    assert np.abs(result.astype(int) - dance_pictures.frames)[~masks].mean() > 3


def test_the_ground_stands_still(dance_pictures: Rendering) -> None:
    result = photograph(dance_pictures.frames, dance_pictures.parts, Photograph(texture=20.0))
    near = cv2.dilate(dance_pictures.masks.any(0).astype(np.uint8), np.ones((5, 5), np.uint8))
    wall = near == 0
    wall[100:] = False
    assert np.ptp(result[:, wall].astype(int), axis=0).max() <= 1


@pytest.mark.parametrize(
    ("look", "most"),
    [(Photograph(quality=40), 12.0), (Photograph(noise=6.0), 8.0), (Photograph(softness=6.0), 8.0)],
)
def test_traces_are_seen_and_keep_the_picture(
    dance_pictures: Rendering, look: Photograph, most: float
) -> None:
    result = photograph(dance_pictures.frames, dance_pictures.parts, look)
    difference = np.abs(result.astype(int) - dance_pictures.frames).mean()
    assert 0.3 < difference < most


def test_looks_reach_from_clean_to_poor() -> None:
    rng = np.random.default_rng(0)
    looks = [random_photograph(rng) for _ in range(100)]
    assert min(look.quality for look in looks) < 50
    assert max(look.quality for look in looks) == 100
    assert max(look.noise for look in looks) > 6
