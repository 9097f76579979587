"""Persons far away: found, followed, and shown close."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose import PoseSequence, open_video, track
from pose.afar import is_afar, parts_of
from pose.crowd import find_focus
from pose.focus import Focus
from pose.skeleton import BODY, VISIBLE, Floats

Make = Callable[..., Path]
# The sample dancer 108 pixels high in 960x360, drifting to the right; of 24 frames.
AFAR = (
    "color=gray:size=960x360:rate=24:duration=1[stage];[0]scale=72:108[tiny];"
    "[stage][tiny]overlay=x=100+120*t:y=200:shortest=1:eval=frame"
)
SCALE = 108 / 864


@pytest.fixture(scope="module")
def afar(ffmpeg: Make, samples: Path) -> Path:
    source = ["-i", str(samples / "dance.mp4"), "-filter_complex", AFAR]
    return ffmpeg("afar.mp4", *source, "-crf", "12", "-pix_fmt", "yuv420p")


@pytest.fixture(scope="module")
def near(samples: Path) -> PoseSequence:
    return track(open_video(samples / "dance.mp4", frames=24))


def errors(found: PoseSequence, near: PoseSequence) -> Floats:
    """Distances (F, J) of visible body joints from where they are, in heights of the dancer."""
    corner = np.stack([100 + 120 * found.times, np.full(len(found), 200)], axis=1)
    wanted = near.keypoints[:, 0, BODY] * SCALE + corner[:, None]
    shown = near.scores[:, 0, BODY] > VISIBLE
    gaps = np.linalg.norm(found.keypoints[:, 0, BODY] - wanted, axis=-1)
    return np.where(shown, gaps, np.nan) / 108


def test_who_is_far_away_is_followed_across_the_picture(afar: Path, near: PoseSequence) -> None:
    calls: list[tuple[int, int]] = []
    found = track(afar, workers=2, progress=lambda *call: calls.append(call))
    assert found.people == 1
    assert (found.scores[:, 0] > 0).any(axis=-1).all()
    assert np.nanmedian(errors(found, near)) < 0.02
    assert np.nanpercentile(errors(found, near), 95) < 0.06
    assert (found.crowd == 1).all()
    shares = [done / total for done, total in calls]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.slow
def test_only_the_largest_of_several_is_shown_close(ffmpeg: Make, samples: Path) -> None:
    two = (
        "color=gray:size=960x360:rate=24:duration=0.5[stage];[0]split[a][b];"
        "[a]scale=72:108[left];[b]scale=92:138[right];[stage][left]overlay=100:200[one];"
        "[one][right]overlay=700:150:shortest=1"
    )
    source = ["-i", str(samples / "dance.mp4"), "-filter_complex", two]
    focus = find_focus(open_video(ffmpeg("two.mp4", *source, "-pix_fmt", "yuv420p")), "largest")
    assert focus is not None
    assert focus.close
    assert (focus.boxes[:, 0] > 500).all()


@pytest.mark.parametrize("source", ["mandelbrot=size=640x360:rate=5", "testsrc2=s=640x360:r=5"])
def test_what_looks_like_somebody_only_from_afar_is_nobody(source: str, ffmpeg: Make) -> None:
    noise = ["-f", "lavfi", "-i", source, "-frames:v", "8", "-pix_fmt", "yuv420p"]
    clip = open_video(ffmpeg("nobody.mp4", *noise))
    assert find_focus(clip, "largest") is None


@pytest.mark.parametrize(
    ("heights", "afar"),
    [
        ([], True),
        ([[], [], []], True),
        ([[0.9], [0.8], []], False),
        ([[0.2], [0.3], [0.9]], True),
        ([[0.1, 0.6], [0.5]], False),
        ([[], [], [0.5]], False),  # who comes in later is no smaller
    ],
)
def test_far_away_is_whoever_is_mostly_small(heights: list[list[float]], afar: bool) -> None:
    assert is_afar(heights) is afar


@given(st.integers(16, 300), st.integers(16, 300), st.floats(0.1, 1))
def test_whoever_fits_half_a_part_is_whole_in_some_part(
    width: int, height: int, share: float
) -> None:
    side = max(8, round(share * min(width, height)))
    parts = np.array(parts_of(width, height, side))
    assert (parts[:, :2] >= 0).all()
    assert (parts[:, :2] + side <= (width, height)).all()
    for length, starts in ((width, parts[:, 0]), (height, parts[:, 1])):
        places = np.unique(starts)
        assert places[0] == 0
        assert places[-1] == length - side
        assert (np.diff(places) <= side / 2 + 1).all()


@given(
    st.tuples(st.floats(-40, 90), st.floats(-40, 60), st.floats(20, 90)),
    st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
)
def test_places_in_a_close_view_are_places_in_the_picture(
    square: tuple[float, float, float], share: tuple[float, float]
) -> None:
    left, top, side = square
    frame = np.zeros((80, 120, 3), np.uint8)
    focus = Focus(
        np.array([[left, top, left + side, top + side]]), np.ones(1, np.int64), close=True
    )
    place = np.rint([left + share[0] * side, top + share[1] * side]).astype(int)
    inside = bool(((place >= 3) & (place < (117, 77))).all())
    if inside:
        frame[place[1] - 1 : place[1] + 2, place[0] - 1 : place[0] + 2] = 255
    shown, scale, shift = focus.view(0, frame)
    assert shown.shape == (256, 256, 3)  # as large as MediaPipe's detector sees, or larger
    if inside:
        rows, columns = np.nonzero(shown[..., 0] > 127)
        found = (np.array([columns.mean(), rows.mean()]) + 0.5) * scale + shift
        assert np.abs(found - (place + 0.5)).max() < 1
