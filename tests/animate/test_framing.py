"""Size of the result and the place of the reference in it."""

from __future__ import annotations

import numpy as np
import pytest

from animate.config import DEFAULTS
from animate.framing import Framing, choose_size, round_to


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
