from __future__ import annotations

import numpy as np
import pytest

from animate.training.synthetic import random_camera, random_view


def test_cameras_show_heads() -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        camera = random_camera(rng, 128, 192)
        head = camera.project(np.array([0, 1.6, 0]))
        assert 0 < head[0] < 128
        assert 0 < head[1] < 192


@pytest.mark.parametrize("tall", [0.9, 1.07])
def test_the_crown_of_small_and_tall_people_is_in_view(tall: float) -> None:
    rng = np.random.default_rng(4)
    for _ in range(60):
        camera, _ = random_view(rng, 128, 192, tall)
        assert camera.project(np.array([0, 1.72 * tall, 0]))[1] > 0


def test_all_framings_are_seen() -> None:
    rng = np.random.default_rng(5)
    assert len({random_view(rng, 128, 192)[1] for _ in range(200)}) == 5
