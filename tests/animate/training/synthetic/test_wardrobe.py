from __future__ import annotations

import numpy as np
import pytest

from animate.training.synthetic import Paint, random_camera, random_character
from animate.training.synthetic.character import HAIR, HATS, SCENES


def test_many_characters_show_every_choice() -> None:
    rng = np.random.default_rng(0)
    crowd = [random_character(rng) for _ in range(300)]
    assert {c.outfit.hair for c in crowd} == set(HAIR)
    assert {c.outfit.hat for c in crowd} == set(HATS)
    assert {c.scene.kind for c in crowd} == set(SCENES)
    assert {c.paint("top").pattern for c in crowd} >= {"plain", "rings", "dots", "panel"}
    girth = [c.build.girth for c in crowd]
    assert min(girth) < 0.85
    assert max(girth) > 1.25


def test_heads_are_natural_to_large() -> None:
    rng = np.random.default_rng(1)
    heads = [random_character(rng).build.head for _ in range(50)]
    assert min(heads) >= 1.0
    assert max(heads) <= 1.4


def test_parts_without_paint_take_what_they_belong_to() -> None:
    character = random_character(np.random.default_rng(2))
    assert character.paint("face") == character.paint("skin")


def test_an_unknown_pattern_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="choose from plain"):
        Paint(colour=(1, 2, 3), pattern="tartan")


def test_cameras_show_heads() -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        camera = random_camera(rng, 128, 192)
        head = camera.project(np.array([0, 1.6, 0]))
        assert 0 < head[0] < 128
        assert 0 < head[1] < 192
