"""Films that say how many frames they have, and films that lie about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose.boxes import says_too_many
from pose.video import open_video


def lying(dance: Path, count: int) -> bytes:
    """The sample with another number of frames in its table of times."""
    content = bytearray(dance.read_bytes())
    table = content.index(b"stts")
    content[table + 12 : table + 16] = count.to_bytes(4, "big")
    return bytes(content)


def test_an_honest_film_is_believed(dance: Path) -> None:
    assert not says_too_many(dance)


@pytest.mark.parametrize("count", [0xFFFFFF7F, 2**31, 10**7])
def test_more_frames_than_bytes_are_not_believed(dance: Path, tmp_path: Path, count: int) -> None:
    """decord would end the process; a copy without the lie is read."""
    path = tmp_path / "lie.mp4"
    path.write_bytes(lying(dance, count))
    assert says_too_many(path)
    assert len(open_video(path)) == len(open_video(dance))


def test_wide_lengths_and_boxes_to_the_end_are_followed(tmp_path: Path) -> None:
    def box(kind: bytes, content: bytes) -> bytes:
        return (len(content) + 8).to_bytes(4, "big") + kind + content

    table = box(b"stts", bytes(4) + (1).to_bytes(4, "big") + b"\x7f\xff\xff\xff" + bytes(4))
    inner = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table))))
    wide = (1).to_bytes(4, "big") + b"mdat" + (20).to_bytes(8, "big") + bytes(4)
    last = bytes(4) + b"moov" + inner
    path = tmp_path / "a.mp4"
    path.write_bytes(box(b"ftyp", b"isom") + wide + last)
    assert says_too_many(path)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_to_an_end(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mp4"
    path.write_bytes(data)
    assert says_too_many(path) in (True, False)
