"""What the embedded model promises on the project's own sample, tracked again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import animate
from animate.judge import Evaluation, evaluate_run
from animate.result import Result
from pose.video import load_image

FRAMES = 12


def made(dance: Path, hero: Path, **settings: float) -> Result:
    return animate.animate(dance, ref=hero, model="mini", device="cpu", frames=FRAMES, **settings)


@pytest.fixture(scope="module")
def result(dance: Path, hero: Path) -> Result:
    return made(dance, hero)


@pytest.fixture(scope="module")
def judged(result: Result, hero: Path) -> Evaluation:
    return evaluate_run(result, load_image(hero))


def test_the_hero_moves_like_the_dancer(judged: Evaluation) -> None:
    assert judged.motion is not None
    assert judged.motion.body is not None
    assert judged.motion.body > 0.85
    assert judged.motion.found == 1.0


def test_without_control_the_hero_stands_still(dance: Path, hero: Path, result: Result) -> None:
    still = made(dance, hero, control_scale=0.0).frames.astype(int)
    moving = result.frames.astype(int)
    assert np.abs(still - still[0]).mean() < 0.2 * np.abs(moving - moving[0]).mean()


def test_the_figure_keeps_its_colours(judged: Evaluation) -> None:
    assert judged.identity is not None
    assert judged.identity.colour < 15  # CIELAB; another character's are off by 48
