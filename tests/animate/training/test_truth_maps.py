from __future__ import annotations

import numpy as np
import pytest

from animate.annotators.looks import looks_like_map
from animate.training.adherence import overlap
from animate.training.mini_image import KINDS
from animate.training.portraits import Portraits
from animate.training.truth_maps import truth_map


@pytest.mark.parametrize("kind", KINDS)
def test_maps_are_pictures_of_the_portraits_size(portraits: Portraits, kind: str) -> None:
    drawn = truth_map(kind, portraits, 0)
    assert drawn.shape == portraits.frames[0].shape
    assert drawn.dtype == np.uint8
    assert drawn.any()


@pytest.mark.parametrize("kind", ["pose", "canny"])
def test_drawn_maps_are_taken_for_maps(portraits: Portraits, kind: str) -> None:
    assert all(looks_like_map(truth_map(kind, portraits, i), kind) for i in range(len(portraits)))


@pytest.mark.parametrize("kind", ["pose", "depth", "mask"])
def test_faults_are_drawn_at_random_but_small(portraits: Portraits, kind: str) -> None:
    clean = truth_map(kind, portraits, 0)
    faulty = [truth_map(kind, portraits, 0, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(faulty[0], faulty[1])
    assert not np.array_equal(faulty[0], faulty[2])
    assert np.abs(faulty[0].astype(int) - clean).mean() < 64


def test_near_is_bright(portraits: Portraits) -> None:
    grey = truth_map("depth", portraits, 0)[..., 0]
    figure = portraits.parts[0] > 0
    assert grey[figure].min() > grey[~figure].max()
    assert (grey.min(), grey.max()) == (0, 255)


def test_masks_show_the_figure(portraits: Portraits) -> None:
    faulty = truth_map("mask", portraits, 0, np.random.default_rng(0))[..., 0] > 127
    assert overlap(faulty, portraits.parts[0] > 0) > 0.85


def test_other_kinds_have_no_truth(portraits: Portraits) -> None:
    with pytest.raises(ValueError, match="softedge"):
        truth_map("softedge", portraits, 0)
