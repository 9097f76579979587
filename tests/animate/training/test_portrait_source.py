from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from animate.training.mini_image import DOWN, FOLDED, KINDS
from animate.training.portrait_source import (
    CROP,
    UNCONTROLLED,
    MapSource,
    PortraitSource,
    crops_of,
    encode_portraits,
)
from animate.training.portraits import Portraits
from animate.training.truth_maps import truth_map


def test_samples_have_every_kind_of_map_and_none(
    image_parts: dict[str, Any], portraits: Portraits
) -> None:
    source = PortraitSource([encode_portraits(image_parts["vae"], portraits)])
    bucket = source.bucket(np.random.default_rng(0))
    samples = [source.sample(bucket, np.random.default_rng(seed)) for seed in range(120)]
    shares = Counter(sample.kind for sample in samples)
    assert set(shares) == {"", *KINDS}
    assert abs(shares[""] / len(samples) - UNCONTROLLED) < 0.1
    assert all(sample.control.any() == bool(sample.kind) for sample in samples)


def test_a_sample_is_one_portrait(image_parts: dict[str, Any], portraits: Portraits) -> None:
    encoded = encode_portraits(image_parts["vae"], portraits)
    sample = PortraitSource([encoded]).sample(encoded, np.random.default_rng(1))
    index = int(sample.name.split()[-1])
    width, height = portraits.size
    assert sample.latents is not None
    assert sample.latents.shape == (1, FOLDED, height // DOWN, width // DOWN)
    assert np.array_equal(sample.latents[0], encoded.latents[index])
    assert np.array_equal(sample.reference, portraits.frames[index])
    assert sample.caption.startswith(portraits.facts[index].noun)


def test_maps_are_exact_and_parts_may_count_more(portraits: Portraits) -> None:
    source = MapSource([portraits], "canny", np.array([1, 2, 3, 4], np.float32))
    sample = source.sample(portraits, np.random.default_rng(1))
    index = int(sample.name.split()[-1])
    assert np.array_equal(sample.control[0], truth_map("canny", portraits, index))
    assert sample.frames is not None
    assert np.array_equal(sample.frames[0], portraits.frames[index])
    assert sample.weight is not None
    assert np.array_equal(sample.weight[0], portraits.parts[index] + 1.0)


def test_crops_are_parts_of_portraits(portraits: Portraits) -> None:
    sample = crops_of([portraits]).sample(None, np.random.default_rng(0))
    assert sample.frames is not None
    assert sample.frames.shape == (1, CROP, CROP, 3)
