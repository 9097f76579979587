from __future__ import annotations

import numpy as np
import pytest

from animate.training.synthetic import Paint, random_character, random_person
from animate.training.synthetic.character import HAIR, HATS, SCENES


def test_many_characters_show_every_choice() -> None:
    rng = np.random.default_rng(0)
    crowd = [random_person(rng) for _ in range(400)]
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


def test_a_seed_stays_the_same_character() -> None:
    someone = random_character(np.random.default_rng(3))
    assert someone.outfit.hair == "bob"
    assert someone.scene.kind == "room"
    np.testing.assert_allclose(
        someone.paint("top").colour, (147.549552, 138.966204, 135.778312), atol=1e-6
    )
