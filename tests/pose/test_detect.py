from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose import detect, load_image
from pose.backends import backend_for
from pose.errors import NoPersonError
from pose.people import PeopleFinder
from pose.skeleton import COUNT, INDEX, VISIBLE


def test_a_picture_is_shown_with_borders_until_a_body_is_found(standing: Any) -> None:
    class NeedsRoom:
        """Sees a bright rectangle, as a whole figure, only if black surrounds it."""

        name = "room"

        def estimate(self, frame: NDArray[np.uint8]) -> Any:
            ys, xs = np.nonzero(frame.max(axis=2) > 50)
            if ys.min() < 0.3 * frame.shape[0]:
                return np.empty((0, COUNT, 2)), np.empty((0, COUNT))
            low, high = np.array([xs.min(), ys.min()]), np.array([xs.max() + 1, ys.max() + 1])
            return (low + standing[0] * (high - low))[None], standing[1][None]

        def close(self) -> None: ...

    image = np.zeros((100, 60, 3), np.uint8)
    image[20:80, 10:50] = 255
    seq = detect(image, backend=NeedsRoom())
    assert (len(seq), seq.size) == (1, (60, 100))
    wanted = np.array([10, 20]) + standing[0][INDEX["nose"]] * [40, 60]
    assert seq.keypoints[0, 0, INDEX["nose"]] == pytest.approx(wanted, abs=0.5)


def test_a_picture_of_nobody_is_an_error_with_advice(brightness: Any) -> None:
    with pytest.raises(NoPersonError, match=r"no person found .*--align none"):
        detect(np.zeros((48, 32, 3), np.uint8), backend=brightness)


@pytest.mark.parametrize("size", [(40, 1500), (1500, 40), (3, 300)])
def test_a_stripe_shows_nobody_and_ends_no_program(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    with pytest.raises(NoPersonError, match="20 times as long as wide"):
        detect(noise)
    with backend_for("mediapipe", static=True) as estimator:
        assert len(estimator.estimate(noise)[0]) == 0
    with closing(PeopleFinder()) as finder:
        assert len(finder.find(noise)[0]) == 0


def test_a_real_reference_is_detected(shared: Path) -> None:
    path = shared / "data" / "ref_c.jpeg"
    if not path.exists():
        pytest.skip("needs the real picture")
    image = cv2.resize(load_image(path), (300, 438), interpolation=cv2.INTER_AREA)
    seq = detect(image)
    assert seq.size == (300, 438)
    x, y = seq.keypoints[0, 0, INDEX["nose"]] / seq.size
    assert 0.4 < x < 0.55
    assert 0.2 < y < 0.3


def test_a_small_figure_in_a_wide_picture_is_detected(samples: Path) -> None:
    hero = cv2.resize(load_image(samples / "hero.png"), (60, 90), interpolation=cv2.INTER_AREA)
    image = np.full((480, 854, 3), (120, 150, 170), np.uint8)
    image[300:390, 200:260] = hero
    near, afar = detect(load_image(samples / "hero.png")), detect(image)
    wanted = near.keypoints[0, 0, :17] * 90 / near.size[1] + (200, 300)
    gaps = np.linalg.norm(afar.keypoints[0, 0, :17] - wanted, axis=-1)
    assert np.median(gaps[near.scores[0, 0, :17] > VISIBLE]) < 4
