"""The judge on films: the closed loop tells right from wrong, and nothing makes it fail."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import animate
from animate.cli import main
from animate.errors import UsageError
from animate.judge import Evaluation, follow, track_result
from animate.video import VideoWriter
from pose.cache import track_cached
from pose.skeleton import PoseSequence
from pose.video import open_video

STRIDE, SIZE = 8, (128, 192)


def write(path: Path, frames: list[np.ndarray], fps: float = 3.0) -> Path:
    with VideoWriter(path, (frames[0].shape[1], frames[0].shape[0]), fps) as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="session")
def shrunk(dance: Path, films: Path) -> Path:
    """Every eighth frame of the dance at the embedded model's size: a result without a flaw."""
    clip = open_video(dance, stride=STRIDE)
    small = [np.asarray(Image.fromarray(frame).resize(SIZE)) for frame in clip]
    return write(films / "shrunk.mp4", small)


@pytest.fixture(scope="session")
def reference(dance: Path, films: Path) -> Path:
    path = films / "reference.png"
    Image.fromarray(next(iter(open_video(dance)))).save(path)
    return path


@pytest.fixture(scope="session")
def grey(films: Path) -> Path:
    return write(films / "grey.mp4", [np.full((96, 64, 3), 128, np.uint8)] * 3)


@pytest.fixture(scope="session")
def asked(dance: Path) -> PoseSequence:
    return track_cached(open_video(dance, stride=STRIDE))[0]


@pytest.fixture(scope="session")
def tracked(shrunk: Path) -> PoseSequence:
    clip = open_video(shrunk)
    return track_result(clip, len(clip))


@pytest.fixture(scope="session")
def flawless(shrunk: Path, dance: Path, reference: Path, tracked: PoseSequence) -> Evaluation:
    return animate.evaluate(shrunk, dance, reference, truth=shrunk, stride=STRIDE)


def test_the_right_pair_is_right(asked: PoseSequence, tracked: PoseSequence) -> None:
    figures = follow(asked, tracked)
    assert figures.body is not None
    assert figures.body > 0.95
    assert (figures.found, figures.lag) == (1, 0)
    for hand in (figures.left, figures.right):
        assert hand.recall is not None
        assert hand.pck is not None
        assert min(hand.recall, hand.pck) > 0.75


@pytest.mark.parametrize("order", ["shuffled", "backwards"])
def test_a_wrong_pair_is_wrong(asked: PoseSequence, tracked: PoseSequence, order: str) -> None:
    frames = np.arange(len(asked))
    orders = {
        "shuffled": np.random.default_rng(0).permutation(frames),
        "backwards": frames[::-1],
    }
    figures = follow(asked.take(orders[order], asked.fps), tracked)
    assert figures.body is not None
    assert figures.body < 0.5
    for hand in (figures.left, figures.right):
        assert hand.pck is not None
        assert hand.pck < 0.3


def test_a_flawless_film_is_good(flawless: Evaluation) -> None:
    assert flawless.verdict == "good", flawless.lines()
    assert flawless.truth is not None
    assert (flawless.truth.iou, flawless.steadiness.against_truth) == (1, 1)
    assert flawless.notes == ()


def test_lines_and_json_tell_the_same(flawless: Evaluation) -> None:
    known = json.loads(flawless.to_json())
    assert known["verdict"] == "good"
    assert f"{known['motion']['body']:.2f} of the body's joints" in flawless.lines()[0]
    assert flawless.lines()[-1] == "Verdict: good"


def test_a_film_at_another_rate_is_paired_by_time(
    shrunk: Path, dance: Path, reference: Path
) -> None:
    figures = animate.evaluate(shrunk, dance, reference, frames=6).motion
    assert figures is not None
    assert figures.body is not None
    assert figures.body > 0.95


def test_another_character_is_told_by_its_colours(
    shrunk: Path, dance: Path, hero: Path, asked: PoseSequence, flawless: Evaluation
) -> None:
    other = animate.evaluate(shrunk, dance, hero, stride=STRIDE)
    assert other.verdict == "poor"
    assert {f.figure for f in other.findings} >= {"identity.colour", "identity.overlap"}


def test_a_film_without_anybody_is_judged(grey: Path, dance: Path, hero: Path) -> None:
    found = animate.evaluate(grey, dance, hero, frames=3)
    assert found.motion is not None
    assert (found.motion.found, found.motion.body, found.verdict) == (0, 0, "poor")
    assert json.loads(found.to_json())["identity"]["colour"] is None


def test_a_reference_without_anybody_is_noted(grey: Path, dance: Path, films: Path) -> None:
    path = films / "empty.png"
    Image.new("RGB", (64, 96), (90, 90, 90)).save(path)
    found = animate.evaluate(grey, dance, path, frames=3)
    assert found.identity.colour is None
    assert any("reference" in note for note in found.notes)


def test_finished_skeletons_leave_the_motion_open(
    asked: PoseSequence, grey: Path, hero: Path, films: Path
) -> None:
    from animate.poses import save_skeletons

    save_skeletons(films / "skeletons.mp4", asked)
    found = animate.evaluate(grey, films / "skeletons.mp4", hero)
    assert found.motion is None
    assert any("skeletons" in note for note in found.notes)


def test_keypoints_are_no_result(asked: PoseSequence, dance: Path, hero: Path, films: Path) -> None:
    from pose import save_poses

    save_poses(films / "p.npz", asked)
    with pytest.raises(UsageError, match="holds keypoints"):
        animate.evaluate(films / "p.npz", dance, hero)


def test_the_command_prints_json_alone(
    grey: Path, dance: Path, hero: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", grey, "--driving", dance, "--ref", hero, "--frames", 3, "--json"]
    assert main([str(word) for word in words]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["motion"]["found"] == 0
    assert err == ""


def test_a_missing_result_is_one_line(
    dance: Path, hero: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "none.mp4", "--driving", str(dance), "--ref", str(hero)]) == 1
    assert "none.mp4" in capfd.readouterr().err.strip().splitlines()[-1]
    assert len(list(islice(open_video(dance), 1))) == 1
