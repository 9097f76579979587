from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose import open_video, track
from pose.crowd import find_focus, find_focuses
from pose.errors import BackendError, NoPersonError
from pose.focus import Focus, room_for
from pose.identity import Person
from pose.skeleton import BODY, INDEX, VISIBLE, PoseSequence
from pose.video import Clip, VideoInfo

# The sample dancer as films of one size: large on the left, smaller and mirrored on the right.
STAGE = "color=gray:size=480x360:rate=12:duration=1[stage];"
LARGE = "[0]scale=240:360[large];"
SMALL = "[0]hflip,scale=160:240[small];"
TINY = "[0]hflip,scale=80:120[tiny];"
FILMS = {
    "left": f"{STAGE}{LARGE}[stage][large]overlay=10:0:shortest=1",
    "right": f"{STAGE}{SMALL}[stage][small]overlay=300:120:shortest=1",
    "far": f"{STAGE}{LARGE}{TINY}[stage][large]overlay=10:0:shortest=1[left];"
    "[left][tiny]overlay=380:240:shortest=1",
    "both": f"{STAGE}{LARGE}{SMALL}[stage][large]overlay=10:0:shortest=1[left];"
    "[left][small]overlay=300:120:shortest=1",
}


@pytest.fixture(scope="module")
def stage(ffmpeg: Callable[..., Path], samples: Path) -> Callable[[str], Path]:
    """The path of one of the FILMS: 12 frames of 480x360."""
    made: dict[str, Path] = {}

    def film(name: str) -> Path:
        if name not in made:
            source = ["-r", "24", "-i", str(samples / "dance.mp4"), "-filter_complex"]
            made[name] = ffmpeg(f"{name}.mp4", *source, FILMS[name], "-pix_fmt", "yuv420p")
        return made[name]

    return film


@pytest.fixture(scope="module")
def alone(stage: Callable[[str], Path]) -> dict[str, PoseSequence]:
    """Both dancers as they are seen without the other."""
    return {name: track(stage(name), smooth=0) for name in ("left", "right")}


def errors(seq: PoseSequence, truth: PoseSequence) -> NDArray[np.float64]:
    """The mean distance (F,) of the visible body joints, in torso lengths."""
    points = truth.keypoints[:, 0]
    shoulder, hip = points[:, INDEX["left_shoulder"]], points[:, INDEX["left_hip"]]
    torso = np.linalg.norm(shoulder - hip, axis=1).mean()
    gaps = np.linalg.norm(seq.keypoints[:, 0, BODY] - points[:, BODY], axis=-1) / torso
    return np.asarray(np.nanmean(np.where(truth.scores[:, 0, BODY] > VISIBLE, gaps, np.nan), 1))


@pytest.mark.parametrize(("person", "who"), [(1, "left"), ((380.0, 250.0), "right")])
def test_the_dancer_who_is_meant_is_followed_in_all_frames(
    stage: Any, alone: dict[str, PoseSequence], person: Person, who: str
) -> None:
    seq = track(stage("both"), person=person, smooth=0)
    assert seq.crowd.tolist() == [2] * 12
    assert errors(seq, alone[who]).max() < 0.06


def test_all_are_followed_each_in_a_place_of_its_own(
    stage: Any, alone: dict[str, PoseSequence]
) -> None:
    told: list[tuple[int, int]] = []
    both = track(stage("both"), person="all", smooth=0, progress=lambda *now: told.append(now))
    assert both.ids == (1, 2)
    for slot, who in enumerate(("left", "right")):
        assert errors(both.persons([slot]), alone[who]).max() < 0.05
    assert told[-1] == (36, 36)  # one pass to find them, one for each
    assert told == sorted(set(told))


@pytest.mark.parametrize("keys", [4, 999])
def test_who_is_meant_is_found_however_few_key_frames_there_are(
    stage: Any, ffmpeg: Callable[..., Path], keys: int
) -> None:
    how = ("-g", str(keys), "-pix_fmt", "yuv420p")
    film = ffmpeg(f"keys{keys}.mp4", "-i", str(stage("both")), *how)
    focus = find_focus(open_video(film), "largest")
    assert focus is not None
    assert focus.number == 1
    assert (focus.boxes[:, 2] < 290).all()


def test_the_number_of_the_chosen_person_is_kept(stage: Any) -> None:
    assert track(stage("both"), person=2).ids == (2,)


def test_each_of_all_gets_a_focus(stage: Any) -> None:
    first, second = find_focuses(open_video(stage("both")), "all")
    assert (first.number, second.number) == (1, 2)
    assert (first.boxes[:, 2] < 290).all()
    assert (second.boxes[:, 0] > 260).all()


def test_somebody_far_away_is_found_when_asked_for(stage: Any) -> None:
    clip = open_video(stage("far"))
    assert find_focus(clip, "largest") is None  # too small to be taken for the dancer
    focus = find_focus(clip, 2)
    assert focus is not None
    assert focus.number == 2
    assert (focus.boxes[:, 0] > 370).all()


def test_a_film_of_one_needs_no_focus(stage: Any) -> None:
    clip = open_video(stage("left"))
    assert find_focus(clip, "largest") is None
    assert find_focuses(clip, "all") == []


def test_who_is_not_there_is_an_error(stage: Any) -> None:
    with pytest.raises(NoPersonError, match=r"person 3 .* only 2 persons"):
        find_focus(open_video(stage("both")), 3)
    with pytest.raises(NoPersonError, match=r"person 2 .* only 1 person is"):
        track(stage("left"), person=2)


def test_nonsense_is_refused_before_any_work() -> None:
    with pytest.raises(ValueError, match="unknown person 0"):
        find_focus(iter([]), 0)


def test_frames_that_can_be_read_only_once_get_no_focus() -> None:
    assert find_focus(iter([np.zeros((48, 64, 3), np.uint8)]), 2) is None


def test_without_the_finder_only_others_than_the_largest_are_an_error(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe.tasks.python", None)
    clip = open_video(stage("both"))
    assert find_focus(clip, "largest") is None
    with pytest.raises(BackendError, match="cannot look for several persons"):
        find_focus(clip, 2)


def test_only_the_person_is_shown_in_a_window_that_stays() -> None:
    frame = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    focus = Focus(np.array([[8.0, 10, 20, 40], [30, 12, 50, 44]]), np.array([2, 2]))
    shown, scale, shift = focus.view(1, frame)
    assert shown.shape == (34, 42, 3)
    assert (scale.tolist(), shift.tolist()) == ([1, 1], [8, 10])
    assert np.array_equal(shown[2:34, 22:42], frame[12:44, 30:50])
    assert np.ptp(shown[:, :22], axis=(0, 1)).tolist() == [0, 0, 0]


def test_nothing_is_shown_of_who_is_gone() -> None:
    frame = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    focus = Focus(np.array([[8.0, 10, 20, 40], [np.nan] * 4]), np.array([2, 1]))
    assert np.ptp(focus.view(1, frame)[0], axis=(0, 1)).tolist() == [0, 0, 0]


SIDES = st.tuples(st.floats(0, 63), st.floats(0, 47), st.floats(0, 63), st.floats(0, 47))


@given(st.lists(SIDES, min_size=1, max_size=4))
def test_any_boxes_can_be_shown(corners: list[tuple[float, ...]]) -> None:
    boxes = np.array(corners)
    boxes = np.concatenate(
        [np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:]) + 1], 1
    )
    focus = Focus(boxes, np.ones(len(boxes), int))
    shapes = {focus.view(i, np.ones((48, 64, 3), np.uint8))[0].shape for i in range(len(boxes))}
    assert len(shapes) == 1
    assert min(shapes.pop()) >= 1


def stay(frames: int, fps: float = 10.0) -> Clip:
    facts: Any = {"width": 200, "height": 100, "fps": fps, "frames": frames, "duration": 9.0}
    times = np.arange(frames) / fps
    return Clip(VideoInfo(path=Path("a.mp4"), **facts), np.arange(frames), times, fps)


def test_boxes_have_room_and_bridge_short_gaps() -> None:
    clip = stay(11)
    boxes = np.full((11, 1, 4), np.nan)
    boxes[0, 0], boxes[10, 0] = [40, 30, 60, 70], [60, 30, 80, 70]
    room = room_for(0, boxes, clip.times, clip)
    for frame, left in ((0, 40), (5, 50), (10, 60)):
        assert room[frame, 0] < left - 5 < left + 20 + 5 < room[frame, 2]
        assert room[frame, 2] - room[frame, 0] < 50


def test_a_place_that_somebody_else_has_taken_is_not_shown() -> None:
    clip = stay(60)
    boxes = np.full((60, 2, 4), np.nan)
    boxes[:20, 0] = [40, 20, 80, 80]  # then gone
    boxes[:, 1] = [130, 20, 170, 80]
    boxes[40:, 1] = [45, 20, 85, 80]  # goes to where the other was
    room = room_for(0, boxes, clip.times, clip)
    assert np.isfinite(room[:40]).all()
    assert np.isnan(room[40:]).all()
    assert np.isfinite(room_for(1, boxes, clip.times, clip)).all()
