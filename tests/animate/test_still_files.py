"""Pictures are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animate.errors import OutputError, UsageError
from animate.still_files import write_picture
from tests.full_disk import no_file_beyond

NOISE = np.random.default_rng(0).integers(0, 256, (96, 64, 3)).astype(np.uint8)


def test_a_full_disk_leaves_the_picture_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    write_picture(path, NOISE)
    whole = path.read_bytes()
    with no_file_beyond(1000), pytest.raises(OutputError, match=r"map\.png: cannot be written"):
        write_picture(path, NOISE[::-1])
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_that_is_there_is_kept_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    write_picture(path, NOISE)
    with pytest.raises(OutputError, match="--force"):
        write_picture(path, NOISE[::-1], overwrite=False)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), NOISE)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_what_is_compressed_stays_near_what_it_was(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"edges{suffix}"
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[20:40, 10:50] = 255
    write_picture(path, picture)
    assert np.abs(np.asarray(Image.open(path), int) - picture).mean() < 1.0


def test_a_name_of_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.png or \.jpg"):
        write_picture(tmp_path / "map.gif", NOISE)
