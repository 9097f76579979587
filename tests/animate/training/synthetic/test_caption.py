from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from animate.training.synthetic import Camera, Paint, batch, caption, colour_name, render
from animate.training.synthetic.caption import COLOURS
from animate.training.synthetic.cast import DANCER
from animate.training.synthetic.character import Outfit, Scene

PLAIN = Outfit(sleeves=1.0, hem=0.0)


@pytest.mark.parametrize("name", sorted(COLOURS))
def test_every_word_names_its_own_colour(name: str) -> None:
    assert colour_name(COLOURS[name]) == name


@pytest.mark.parametrize("name", ["red", "green", "blue", "yellow", "black", "white"])
def test_the_caption_says_the_colour_that_the_picture_shows(name: str) -> None:
    top = Paint(colour=COLOURS[name], gloss=0.0)
    scene = Scene(kind="plain", ambient=0.5, key=0.9, light=(0.0, 0.4, 1.0), rim=0.0)
    someone = replace(DANCER, outfit=PLAIN, scene=scene, paints={**DANCER.paints, "top": top})
    assert f"{name} long-sleeved top" in caption(someone, "standing", "full body")
    camera = Camera(width=96, height=144)
    picture = render(batch(yaw=np.zeros(1)), someone, camera)
    x, y = camera.project(np.array([0.0, 1.28, 0.1])).astype(int)  # the middle of the chest
    shown = picture.frames[0, y - 3 : y + 3, x - 4 : x + 4].mean((0, 1))
    words = {"white": {"white", "light grey"}, "black": {"black", "dark grey"}}
    assert colour_name(tuple(shown)) in words.get(name, {name})


def test_the_caption_tells_action_place_and_framing() -> None:
    words = caption(DANCER, "walking", "from the waist up")
    assert "walking" in words
    assert "room" in words
    assert words.endswith("from the waist up")
