from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import pose.skeletons
from pose.draw import LOOKS, draw
from pose.errors import VideoError
from pose.skeletons import Skeletons, looks_like_skeletons, open_skeletons

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]
Frame = NDArray[np.uint8]
Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path, ffmpeg: Callable[..., Path]) -> Save:
    """Frames -> a folder of PNGs, or an H.264 video where a quality is given."""

    def write(frames: Iterator[Frame] | list[Frame], crf: int | None = None) -> Path:
        for number, frame in enumerate(frames):
            Image.fromarray(frame).save(tmp_path / f"{number}.png")
        if crf is None:
            return tmp_path
        pattern = ["-framerate", "10", "-i", str(tmp_path / "%d.png")]
        video = ffmpeg("film.mp4", *pattern, "-pix_fmt", "yuv420p", "-crf", str(crf))
        return Path(shutil.move(video, tmp_path / "film.mp4"))

    return write


@pytest.fixture
def drawn(standing: Arrays) -> Callable[..., Iterator[Frame]]:
    """A figure that walks to the right, drawn on black; frame n has n as its first red value."""

    def frames(look: str, size: tuple[int, int], count: int = 4) -> Iterator[Frame]:
        keypoints, scores = standing
        for number in range(count):
            moved = (keypoints + np.array([0.04 * number - 0.08, 0.0])) * size
            picture = draw(moved[None], scores[None], size, look=look)
            picture[0, 0, 0] = number
            yield picture

    return frames


@pytest.mark.parametrize("crf", [None, 28])
@pytest.mark.parametrize("look", sorted(LOOKS))
def test_every_look_is_known_compressed_or_not(
    look: str, crf: int | None, save: Save, drawn: Callable[..., Iterator[Frame]]
) -> None:
    assert looks_like_skeletons(save(drawn(look, (320, 480)), crf))


@pytest.mark.parametrize("look", ["official", "soft"])
def test_small_ones_are_known(look: str, save: Save, drawn: Callable[..., Iterator[Frame]]) -> None:
    assert looks_like_skeletons(save(drawn(look, (128, 192)), 18))


def test_black_frames_decide_nothing(save: Save, drawn: Callable[..., Iterator[Frame]]) -> None:
    black = np.zeros((480, 320, 3), np.uint8)
    assert looks_like_skeletons(save([black, *drawn("soft", (320, 480), 2), black]))


def with_something(thing: str, picture: Frame) -> Frame:
    """A drawn skeleton of 320x480 and something else."""
    changed = picture.copy()
    if thing == "a dim floor":
        changed[400:][picture[400:].max(axis=-1) < 40] = 40
    elif thing == "a ball":
        cv2.circle(changed, (160, 240), 40, (255, 160, 0), -1)
    elif thing == "a fence":
        for start, colour in enumerate((*np.eye(3), *(1 - np.eye(3)))):
            changed[:, 3 * start :: 18] = 200 * colour
    elif thing == "white ropes":
        for x in range(10, 310, 60):
            cv2.line(changed, (x, 0), (x, 480), (255, 255, 255), 9)
    elif thing == "one colour":
        changed[..., 1:] = 0
    return changed


@pytest.mark.parametrize(
    "thing", ["nothing", "a dim floor", "a ball", "a fence", "white ropes", "one colour"]
)
def test_a_drawing_with_anything_else_is_a_film(
    thing: str, save: Save, drawn: Callable[..., Iterator[Frame]]
) -> None:
    frames = [with_something(thing, picture) for picture in drawn("soft", (320, 480))]
    assert looks_like_skeletons(save(frames)) is (thing == "nothing")


def lights() -> Frame:
    """Blurred coloured lamps in the night, apart from each other."""
    rng = np.random.default_rng(0)
    night = np.zeros((240, 320, 3), np.float32)
    for x in range(30, 320, 60):
        for y in range(30, 240, 60):
            cv2.circle(night, (x, y), int(rng.integers(2, 8)), rng.random(3).tolist(), -1)
    return np.asarray(cv2.GaussianBlur(night, (0, 0), 3) * 255, np.uint8)


def words() -> Frame:
    """Coloured words on black."""
    picture = np.zeros((240, 320, 3), np.uint8)
    for line, colour in enumerate(((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1))):
        shade = tuple(255 * part for part in colour)
        cv2.putText(picture, "WORDS", (20, 40 * line + 40), cv2.FONT_HERSHEY_DUPLEX, 1, shade, 2)
    return picture


@pytest.mark.parametrize("picture", [lights(), words(), np.zeros((240, 320, 3), np.uint8)])
def test_bright_things_on_black_are_no_skeletons(picture: Frame, save: Save) -> None:
    assert not looks_like_skeletons(save([picture] * 3))


@pytest.fixture(scope="module")
def filmed(dance: Path) -> Frame:
    """(4, H, W, 3): frames of a film in half size."""
    return np.stack([frame[::2, ::2] for frame in open_skeletons(dance, stride=8, frames=4)])


@pytest.mark.parametrize("change", ["as it is", "dark", "dim", "cut out", "letterboxed"])
def test_films_are_no_skeletons(change: str, filmed: Frame, save: Save) -> None:
    still = np.abs(filmed - np.median(filmed, axis=0)).max(axis=-1, keepdims=True) < 25
    changed = {
        "as it is": filmed,
        "dark": 255 * (filmed / 255) ** 4,
        "dim": filmed * 0.1,
        "cut out": np.where(still, 0, filmed),
        "letterboxed": np.pad(filmed, ((0, 0), (0, 0), (400, 400), (0, 0))),
    }[change].astype(np.uint8)
    assert not looks_like_skeletons(save(list(changed)))


def test_what_cannot_be_read_is_no_skeleton(tmp_path: Path, plain: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(plain.read_bytes()[:1000])
    for path in (tmp_path / "a.mp4", tmp_path, tmp_path / "nothing"):
        assert not looks_like_skeletons(path)


@pytest.mark.parametrize("crf", [None, 0])
def test_frames_come_in_any_order(
    crf: int | None,
    save: Save,
    drawn: Callable[..., Iterator[Frame]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = list(drawn("soft", (64, 96), 9))
    monkeypatch.setattr(pose.skeletons, "KEPT_BYTES", 2 * wanted[0].nbytes)
    skeletons = open_skeletons(save(wanted, crf))
    assert (len(skeletons), skeletons.size) == (9, (64, 96))
    tolerance = 0 if crf is None else 3  # of 255, for the way to YUV and back
    for index in (0, 1, 5, 4, 4, 0, 8, 7):
        difference = np.abs(skeletons[index].astype(int) - wanted[index]).mean()
        assert difference <= tolerance
    assert len(list(skeletons)) == 9


def test_memory_stays_flat(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pose.skeletons, "KEPT_BYTES", 4 * 64 * 48 * 3)
    skeletons = open_skeletons(plain)
    assert len(list(skeletons)) == 30
    assert len(skeletons._kept) == 4


def test_rates_are_those_of_the_source(plain: Path) -> None:
    skeletons = open_skeletons(plain, fps=5, frames=3)
    assert (len(skeletons), skeletons.fps) == (3, 5.0)
    assert skeletons.times == pytest.approx([0, 0.2, 0.4])


def test_frames_beyond_the_end(plain: Path) -> None:
    for index in (-1, 30):
        with pytest.raises(IndexError, match="from 0 to 29"):
            open_skeletons(plain)[index]


def test_a_damaged_video_says_how_far_it_goes(film: Save, tmp_path: Path) -> None:
    whole = film(
        "long.mp4", "-pix_fmt", "yuv420p", "-g", "10", "-movflags", "faststart",
        size="320x240", seconds=6,
    ).read_bytes()  # fmt: skip
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 55 // 100])
    skeletons: Skeletons = open_skeletons(tmp_path / "cut.mp4")
    assert skeletons[10].shape == (240, 320, 3)
    with pytest.raises(VideoError, match=r"damaged at \d\.\d\d s: use only the \d+ frames before"):
        list(skeletons)
