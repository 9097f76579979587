"""Maps of any size, mode and depth of bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from animate.annotators import KINDS, fit_map, read_map
from animate.errors import UsageError
from pose.errors import VideoError


def ramp() -> np.ndarray:
    return np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16", "LA"])
def test_every_mode_becomes_three_channels(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(ramp())
    if mode == "I;16":
        picture = Image.fromarray(ramp().astype(np.uint16) * 257)
    elif mode != "L":
        picture = picture.convert(mode)
    picture.save(tmp_path / "map.png")
    got = read_map(tmp_path / "map.png", "softedge")
    assert got.shape == (6, 8, 3)
    assert got.dtype == np.uint8
    if mode != "1":
        assert np.array_equal(got[..., 0], ramp())


def test_depth_of_sixteen_bits_is_spread() -> None:
    millimetres = np.linspace(800, 4000, 60).reshape(6, 10).astype(np.uint16)
    got = read_map(millimetres, "depth")
    assert (got.min(), got.max()) == (0, 255)
    assert len(np.unique(got)) == 60


def test_unknown_depth_is_far() -> None:
    depth = np.array([[1.0, 2.0], [np.nan, np.inf]], np.float32)
    assert read_map(depth, "depth")[..., 0].tolist() == [[0, 255], [0, 0]]


def test_depth_that_grows_with_the_distance_can_be_turned() -> None:
    assert read_map(ramp(), "depth", invert=True)[0, 0, 0] == 255


def test_of_a_cut_out_person_the_mask_is_what_is_opaque() -> None:
    picture = np.zeros((6, 8, 4), np.uint8)
    picture[2:4, 3:5] = (90, 40, 20, 255)
    assert np.array_equal(read_map(picture, "mask")[..., 0] > 0, picture[..., 3] > 0)


def test_transparent_edges_lie_on_black() -> None:
    picture = np.full((6, 8, 4), 255, np.uint8)
    picture[..., 3] = ramp()
    assert np.array_equal(read_map(picture, "canny")[..., 2], ramp())


def test_masks_of_class_numbers_become_white() -> None:
    assert set(np.unique(read_map(np.eye(5, dtype=np.uint8), "mask"))) == {0, 255}


def test_strokes_survive_a_reduction() -> None:
    picture = np.zeros((400, 400, 3), np.uint8)
    picture[:, 133] = picture[201] = 255
    small = fit_map(picture, "canny", (50, 50))
    assert set(np.unique(small)) == {0, 255}
    assert (small[:, 16].min(), small[25].min()) == (255, 255)
    assert (small > 0).mean() < 0.1


def test_classes_are_never_mixed() -> None:
    colours = np.array([(120, 120, 120), (8, 255, 51), (150, 5, 61)], np.uint8)
    picture = colours[np.random.default_rng(1).integers(3, size=(40, 60))]
    for size in ((17, 23), (90, 71)):
        assert {tuple(c) for c in fit_map(picture, "segmentation", size).reshape(-1, 3)} <= {
            tuple(colour) for colour in colours
        }


def test_crop_keeps_the_middle_and_stretch_keeps_all() -> None:
    picture = np.zeros((20, 60, 3), np.uint8)
    picture[:, :20] = 255
    assert not fit_map(picture, "depth", (20, 20)).any()
    assert fit_map(picture, "depth", (20, 20), "stretch")[:, :6].min() == 255


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"got \(2, 3, 7\)"):
        read_map(np.zeros((2, 3, 7)), "canny")
    with pytest.raises(UsageError, match="unknown kind"):
        read_map(ramp(), "cany")
    with pytest.raises(UsageError, match="unknown fit"):
        fit_map(np.zeros((2, 2, 3), np.uint8), "mask", (1, 1), "zoom")  # type: ignore[arg-type]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(VideoError, match="damaged"):
        read_map(tmp_path / "a.png", "canny")


SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 2, 3, 4]))
TYPES = st.sampled_from([np.uint8, np.uint16, np.int32, np.float32, np.float64, np.bool_])


@given(
    values=TYPES.flatmap(lambda kind: SHAPES.flatmap(lambda shape: arrays.arrays(kind, shape))),
    kind=st.sampled_from(sorted(KINDS)),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_any_array_becomes_a_map_of_the_size(
    values: np.ndarray, kind: str, size: tuple[int, int]
) -> None:
    got = read_map(values, kind, size=size)
    assert got.shape == (size[1], size[0], 3)
    assert got.dtype == np.uint8
    if KINDS[kind].tones != "colours":
        assert np.array_equal(got[..., 0], got[..., 1])
