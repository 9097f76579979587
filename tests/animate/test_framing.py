"""Size of the result and the place of the reference in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from animate.config import DEFAULTS
from animate.framing import Framing, choose_size, frame_body, round_to
from pose.skeleton import COUNT, INDEX, PoseSequence

SIDES = st.integers(20, 400)
SHARES = st.tuples(*[st.floats(0, 1)] * 2).map(sorted)


@pytest.mark.parametrize(
    ("reference", "look", "multiple", "expected"),
    [
        ((512, 768), "soft", 16, (128, 192)),
        ((768, 512), "soft", 16, (192, 128)),
        ((64, 64), "soft", 16, (128, 128)),
        ((576, 1024), "official", 64, (576, 1024)),
        ((100, 2000), "soft", 16, (128, 256)),
    ],
)
def test_size_follows_model_and_reference(
    reference: tuple[int, int], look: str, multiple: int, expected: tuple[int, int]
) -> None:
    assert choose_size(reference, DEFAULTS[look], multiple) == expected


def test_asked_size_is_rounded_to_the_models_multiple() -> None:
    assert choose_size((512, 768), DEFAULTS["soft"], 16, asked=(100, 203)) == (96, 208)


def test_rounding_never_gives_nothing() -> None:
    assert round_to(1, 16) == 16


def test_points_and_picture_move_together() -> None:
    image = np.zeros((100, 60, 3), np.uint8)
    image[38:42, 18:22] = 255
    framing = Framing((60, 100), (120, 120))
    point = framing.points(np.array([20.0, 40.0]))
    rows, columns = np.nonzero(framing.picture(image)[..., 0] > 128)
    assert np.allclose(point, (columns.mean() + 0.5, rows.mean() + 0.5), atol=0.5)


def test_equal_aspect_keeps_everything() -> None:
    framing = Framing((512, 768), (128, 192))
    corners = framing.points(np.array([[0.0, 0.0], [512.0, 768.0]]))
    assert np.allclose(corners, [[0, 0], [128, 192]])


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), SHARES, SHARES)
def test_what_is_shown_is_never_cut_if_it_fits(
    source: tuple[int, int], size: tuple[int, int], across: list[float], down: list[float]
) -> None:
    box = np.array([across, down]) * np.array(source)[:, None]  # from, to: columns and rows
    (left, right), (top, bottom) = box
    framing = Framing(source, size, (left, top, right, bottom))
    corners = framing.points(np.array([[0.0, 0.0], source]))
    assert (corners[0] <= 1e-6).all()  # the result is covered
    assert (corners[1] >= np.array(size) - 1e-6).all()
    placed = framing.points(box.T)
    for axis in range(2):
        if placed[1, axis] - placed[0, axis] <= size[axis]:
            assert placed[0, axis] >= -1e-6
            assert placed[1, axis] <= size[axis] + 1e-6


def test_what_is_in_the_middle_stays_there() -> None:
    assert Framing((400, 100), (100, 100), (170, 10, 230, 90)).offset == (-150, 0)


def test_too_large_bodies_keep_their_heads() -> None:
    placed = Framing((100, 400), (100, 100), (20, 40, 80, 390)).points(np.array([50.0, 40.0]))
    assert placed.tolist() == [50, 0]


def test_a_body_aside_in_a_wide_picture_is_in_a_tall_result() -> None:
    """Cut to its middle this picture would show a wall."""
    points, scores = np.full((COUNT, 2), np.nan), np.zeros(COUNT)
    joints = {
        "nose": (552, 60), "left_ear": (562, 58), "right_ear": (542, 58),
        "left_shoulder": (580, 100), "right_shoulder": (524, 100),
        "left_hip": (570, 200), "right_hip": (534, 200),
    }  # fmt: skip
    for name, place in joints.items():
        points[INDEX[name]], scores[INDEX[name]] = place, 1.0
    body = PoseSequence(
        keypoints=points[None, None], scores=scores[None, None], size=(640, 360), fps=25.0
    )
    picture = np.zeros((360, 640, 3), np.uint8)
    placed = frame_body(picture, body, (180, 320)).points(points[list(map(INDEX.get, joints))])
    assert ((placed > 15) & (placed < (165, 320))).all()  # with room for hair and sleeves
    empty = PoseSequence.empty((640, 360))
    for nobody in (None, empty):
        assert frame_body(picture, nobody, (180, 320)) == Framing((640, 360), (180, 320))
