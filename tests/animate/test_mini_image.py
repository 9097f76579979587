"""The embedded picture model as its users meet it: the pictures are looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import animate
from animate import mini
from animate.annotators import open_annotator
from animate.cli import main
from animate.errors import ModelError
from animate.training.adherence import clothed_regions, is_colour, overlap, region_colours
from animate.training.synthetic import Camera, Rendering, render
from animate.training.synthetic.cast import DANCER
from animate.training.synthetic.dance import dance

FOLDER = mini.FOLDER.with_name("mini-image")
POSE = Path(__file__).parents[2] / "samples" / "pose.png"
PROMPT = "a person in a red shirt"
SIZE = (80, 120)


@pytest.fixture(scope="module")
def truth() -> Rendering:
    """The dancer in the pose of the sample, at the model's size."""
    camera = Camera(width=SIZE[0], height=SIZE[1], fill=0.80, centre=(0.0, 0.98))
    return render(dance(np.array([1.0])), DANCER, camera)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """What the README's command writes."""
    target = tmp_path_factory.mktemp("image") / "out.png"
    words = ["image", "--model", "mini-image", "--kind", "pose", "--control", str(POSE)]
    assert main([*words, "--prompt", PROMPT, "-o", str(target), "--quiet"]) == 0
    return np.asarray(Image.open(target))


def test_it_is_small() -> None:
    files = [file for file in FOLDER.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 25e6
    assert not [file for file in files if file.suffix in {".bin", ".pt", ".pkl", ".ckpt"}]


def test_the_shirt_is_red(picture: np.ndarray, truth: Rendering) -> None:
    regions = clothed_regions(truth.keypoints[0], SIZE)
    assert picture.shape == (SIZE[1], SIZE[0], 3)
    assert is_colour(region_colours(picture, regions)["shirt"], "red")


def test_the_person_stands_as_the_pose_says_and_only_by_it(truth: Rendering) -> None:
    held, free = (
        animate.control_image(POSE, kind="pose", prompt=PROMPT, count=4, control_scale=scale).images
        for scale in (1.0, 0.0)
    )
    with open_annotator("mask") as person:
        fits, misses = (
            np.mean([overlap(person(one)[..., 0] > 127, truth.masks[0]) for one in pictures])
            for pictures in (held, free)
        )
    assert fits > 0.6
    assert misses < fits - 0.2


@pytest.mark.parametrize("prompt", ["", "ein Zebra, 斑馬 🦓"])
def test_any_words_make_a_picture(prompt: str) -> None:
    made = animate.control_image(POSE, kind="pose", prompt=prompt, steps=2)
    assert made.images[0].std() > 5


def test_other_kinds_and_methods_are_refused() -> None:
    with pytest.raises(ModelError, match="only for canny, depth, mask, pose"):
        animate.control_image(POSE, kind="lines", prompt=PROMPT, annotate=False)
    with pytest.raises(ModelError, match="no controlnet for pose"):
        animate.control_image(POSE, kind="pose", prompt=PROMPT, method="controlnet")
