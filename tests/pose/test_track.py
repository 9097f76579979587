from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose import draw, open_video, track
from pose.backends import register_backend
from pose.errors import BackendError, NoPersonError
from pose.skeleton import (
    BODY,
    COUNT,
    FACE,
    INDEX,
    LEFT_HAND,
    RIGHT_HAND,
    VISIBLE,
    Mark,
    PoseSequence,
)


def grey(*shades: int) -> list[NDArray[np.uint8]]:
    """Frames of even grey."""
    return [np.full((48, 32, 3), shade, np.uint8) for shade in shades]


def nose(seq: PoseSequence) -> list[float]:
    return [round(float(x), 6) for x in seq.keypoints[:, 0, INDEX["nose"], 0]]


def test_frames_become_a_sequence(brightness: Any) -> None:
    seq = track(grey(10, 20, 30), backend=brightness)
    assert (len(seq), seq.people, seq.size, seq.backend) == (3, 1, (32, 48), "brightness")
    assert nose(seq) == [26, 36, 46]
    assert seq.filled == ()


def test_frames_without_a_person_are_filled_and_named(brightness: Any) -> None:
    seq = track(grey(0, 10, 0, 0, 40, 0), backend=brightness, smooth=0)
    assert nose(seq) == [26, 26, 36, 46, 56, 56]
    assert seq.filled == (0, 2, 3, 5)


def test_nobody_anywhere_is_an_error_that_names_the_frames(brightness: Any, film: Any) -> None:
    with pytest.raises(NoPersonError, match="looked at 2 frames"):
        track(grey(0, 0), backend=brightness)
    dark = film("dark.mp4", "-vf", "lutyuv=y=16:u=128:v=128", "-pix_fmt", "yuv420p")
    with pytest.raises(NoPersonError, match=r"dark.mp4 \(looked at 10 frames, 0.0 to 0.9 s\)"):
        track(dark, backend=brightness)


def test_clips_keep_their_times(brightness: Any, plain: Path) -> None:
    clip = open_video(plain, stride=5)
    seq = track(clip, backend=brightness)
    assert brightness.frames == len(seq) == 6
    assert seq.fps == pytest.approx(2)
    assert seq.times == pytest.approx(clip.times)


def test_progress_counts_the_frames(brightness: Any, plain: Path) -> None:
    calls: list[tuple[int, int]] = []
    track(open_video(plain, frames=3), backend=brightness, progress=lambda *c: calls.append(c))
    track(iter(grey(9)), backend=brightness, progress=lambda *c: calls.append(c))
    assert calls == [(1, 3), (2, 3), (3, 3), (1, 0)]


def test_several_people_get_room(standing: Any) -> None:
    class Crowd:
        name = "crowd"

        def estimate(self, frame: NDArray[np.uint8]) -> Any:
            people = int(frame[0, 0, 0])
            places = np.arange(people)[:, None, None] * 100.0  # else they were one person
            return places + np.zeros((people, COUNT, 2)), np.ones((people, COUNT))

        def close(self) -> None: ...

    seq = track(grey(1, 3, 2), backend=Crowd(), person="all")
    assert seq.people == 3
    seen = (seq.scores[:, :, 0] > 0) & (seq.marks[:, :, 0] != Mark.FILLED)
    assert seen.sum(axis=1).tolist() == [1, 3, 2]


def test_a_lent_backend_stays_open_and_an_own_one_is_closed(brightness: Any) -> None:
    track(grey(9), backend=brightness)
    assert not brightness.closed
    register_backend("brightness", lambda static: brightness)
    track(grey(9), backend="brightness")
    assert brightness.closed


def test_an_interruption_closes_the_backend(brightness: Any) -> None:
    def frames() -> Iterator[NDArray[np.uint8]]:
        yield from grey(9)
        raise KeyboardInterrupt

    register_backend("brightness", lambda static: brightness)
    with pytest.raises(KeyboardInterrupt):
        track(frames(), backend="brightness")
    assert brightness.closed


def test_failures_name_the_frame() -> None:
    class Broken:
        name = "broken"

        def estimate(self, frame: NDArray[np.uint8]) -> Any:
            raise BackendError("out of order")

        def close(self) -> None: ...

    with pytest.raises(BackendError, match="frame 0: out of order"):
        track(grey(9), backend=Broken())


def test_frames_of_two_sizes_are_refused(brightness: Any) -> None:
    with pytest.raises(ValueError, match="frames of one size"):
        track([*grey(9), np.ones((8, 8, 3), np.uint8)], backend=brightness)


def test_unknown_backends_are_refused() -> None:
    with pytest.raises(BackendError, match="unknown pose backend 'magic'; expected one of: auto"):
        track(grey(9), backend="magic")


@pytest.fixture(scope="module")
def dance(shared: Path) -> Path:
    path = shared / "data" / "dance_a.mp4"
    if not path.exists():
        pytest.skip("needs the real clip")
    return path


@pytest.fixture(scope="module")
def danced(dance: Path) -> PoseSequence:
    """Eight frames of the real clip, tracked by MediaPipe."""
    return track(open_video(dance, stride=4, frames=8))


def test_mediapipe_follows_a_real_dancer(danced: PoseSequence) -> None:
    assert danced.filled == ()
    assert (danced.scores[:, 0, BODY] > VISIBLE).mean() > 0.8
    assert (danced.scores[:, 0, FACE] > VISIBLE).all()
    assert (danced.scores[:, 0, RIGHT_HAND] > VISIBLE).mean() > 0.8
    left, right = (danced.keypoints[:, 0, INDEX[f"{side}_shoulder"], 0] for side in SIDES)
    assert (left > right).all()  # she faces us: her left is on the right


SIDES = ("left", "right")


def test_hands_hang_on_their_own_wrists(danced: PoseSequence) -> None:
    for hand, side in ((LEFT_HAND, "left"), (RIGHT_HAND, "right")):
        gap = danced.keypoints[:, 0, hand.start] - danced.keypoints[:, 0, INDEX[f"{side}_wrist"]]
        assert np.nanmedian(np.linalg.norm(gap, axis=-1)) < 60


def test_tracking_is_repeatable(dance: Path, danced: PoseSequence) -> None:
    again = track(open_video(dance, stride=4, frames=8))
    assert np.array_equal(again.keypoints, danced.keypoints, equal_nan=True)
    assert np.array_equal(again.scores, danced.scores)


def test_mediapipe_works_silently(dance: Path, capfd: pytest.CaptureFixture[str]) -> None:
    track(open_video(dance, frames=2))
    assert capfd.readouterr() == ("", "")


def test_the_sample_dancer_is_seen_in_every_frame(samples: Path) -> None:
    if not (samples / "dance.mp4").exists():
        pytest.skip("the sample clip is not there")
    seq = track(open_video(samples / "dance.mp4", stride=12))
    assert seq.filled == ()
    assert (seq.scores[:, 0, BODY] > VISIBLE).mean() > 0.8


def test_mediapipe_survives_noise_and_tiny_frames() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3, 16, 16, 3), np.uint8)
    with pytest.raises(NoPersonError):
        track(list(noise))


def test_what_is_drawn_stays_near_what_was_seen(danced: PoseSequence) -> None:
    picture = draw(*danced.frame(0), danced.size, "soft")
    rows = np.flatnonzero(picture.any(axis=(1, 2)))
    assert rows[0] < 0.3 * danced.size[1]
