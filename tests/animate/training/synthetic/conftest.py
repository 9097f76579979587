"""Small renderings that several tests look at."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from animate.training.synthetic import (
    Camera,
    Character,
    Pose,
    Rendering,
    random_character,
    random_motion,
    render,
    select,
    stack,
)
from animate.training.synthetic.cast import DANCER
from animate.training.synthetic.dance import dance


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """The pictures are small: threads cost more than they give."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def camera() -> Camera:
    return Camera(width=128, height=192)


@pytest.fixture(scope="session")
def dance_poses() -> Pose:
    return dance(np.arange(8) * 0.45)


@pytest.fixture(scope="session")
def dance_pictures(dance_poses: Pose, camera: Camera) -> Rendering:
    return render(dance_poses, DANCER, camera)


@pytest.fixture(scope="session")
def people() -> tuple[Pose, list[Character]]:
    """Six random characters in poses of their own."""
    rng = np.random.default_rng(11)
    characters = [random_character(rng) for _ in range(6)]
    poses = [select(random_motion(rng)(np.array([0.7])), 0) for _ in characters]
    return stack(poses), characters
