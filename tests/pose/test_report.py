"""The preflight report on poses whose faults are known."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pose.report import preflight, ranges
from pose.skeleton import INDEX, LEFT_HAND, RIGHT_HAND, Mark, PoseSequence

FRAMES = 20


@pytest.fixture
def seq(standing: Any) -> PoseSequence:
    """A figure that stands still in 20 frames of 200x400."""
    points, scores = standing
    return PoseSequence(
        keypoints=np.tile(points * [200, 400], (FRAMES, 1, 1, 1)),
        scores=np.tile(scores, (FRAMES, 1, 1)),
        size=(200, 400),
        fps=20.0,
    )


def texts(seq: PoseSequence) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Finding by its first words after the count: (level, frames)."""
    found = preflight(seq).findings
    return {f.text.split(": ", 1)[-1].split(" (")[0]: (f.level, f.frames) for f in found}


def changed(seq: PoseSequence, where: Any, keypoints: Any = None, scores: Any = None) -> Any:
    points, values = seq.keypoints.copy(), seq.scores.copy()
    if keypoints is not None:
        points[where] = keypoints
    if scores is not None:
        values[where] = scores
    return replace(seq, keypoints=points, scores=values)


def test_a_figure_in_full_view_is_good(seq: PoseSequence) -> None:
    report = preflight(seq)
    assert (report.verdict, report.findings, report.framing) == ("good", (), "full body")
    assert report.height == pytest.approx(0.79, abs=0.01)
    assert report.speed == report.top_speed == 0


def test_speed_is_in_torso_lengths_a_second(seq: PoseSequence) -> None:
    torso = 0.27 * 400
    shift = np.arange(FRAMES)[:, None] * torso / 20 * [0, 1]
    points = seq.keypoints.copy()
    points[:, 0, INDEX["left_wrist"]] += shift
    report = preflight(replace(seq, keypoints=points))
    assert report.speed == pytest.approx(1.0)


def test_gaps_are_told_apart_by_whether_they_were_filled(seq: PoseSequence) -> None:
    marks = seq.marks.copy()
    marks[3:5] = Mark.FILLED
    gone = changed(replace(seq, marks=marks), np.s_[10:], scores=0.0)
    told = texts(gone)
    assert told["no person; filled in from the frames around"] == ("warning", (3, 4))
    assert told["no person for long; nothing will steer the character there"] == (
        "poor",
        tuple(range(10, 20)),
    )
    assert preflight(gone).verdict == "poor"


@pytest.mark.parametrize(("side", "part"), [("left", LEFT_HAND), ("right", RIGHT_HAND)])
def test_hands_that_are_not_clear_are_counted(seq: PoseSequence, side: str, part: slice) -> None:
    weak = changed(seq, np.s_[:4, 0, part], scores=0.1)
    assert texts(weak) == {f"the {side} hand is not clear": ("warning", (0, 1, 2, 3))}


def test_hands_at_the_edge_are_cut_off_and_not_called_unclear(seq: PoseSequence) -> None:
    cut = changed(seq, np.s_[5, 0, LEFT_HAND], keypoints=[199.0, 200.0])
    assert texts(cut) == {"the left hand is cut off by the picture's edge": ("note", (5,))}


def test_a_cut_in_the_film_is_a_jump(seq: PoseSequence) -> None:
    moved = changed(seq, np.s_[8:], keypoints=seq.keypoints[8:] + np.array([90, 0]))
    assert texts(moved)["the body jumps; is there a cut?"] == ("warning", (8,))


def test_others_are_noted_with_what_to_do(seq: PoseSequence) -> None:
    crowd = np.ones(FRAMES, int)
    crowd[2:9] = 3
    (finding,) = preflight(replace(seq, crowd=crowd)).findings
    assert finding.level == "note"
    assert "up to 3" in finding.text
    assert "--person" in finding.text


def test_a_small_figure_is_warned_of(seq: PoseSequence) -> None:
    far = replace(seq, size=(1000, 2000))
    assert [f.level for f in preflight(far).findings] == ["warning"]


def test_it_becomes_json_and_lines(seq: PoseSequence) -> None:
    report = preflight(changed(seq, np.s_[5, 0, LEFT_HAND], scores=0.0))
    stored = json.loads(json.dumps(report.to_dict()))
    assert (stored["verdict"], stored["findings"][0]["frames"]) == ("good", [5])
    assert report.lines()[-1] == "Verdict: good"


def test_nobody_at_all_is_refused(seq: PoseSequence) -> None:
    with pytest.raises(ValueError, match="at least one person"):
        preflight(PoseSequence.empty((10, 10)))


def test_frame_numbers_are_written_as_people_do() -> None:
    assert ranges([3, 4, 5, 9, 11, 12]) == "3-5, 9, 11-12"
    assert ranges(range(0, 40, 2)).endswith("10 and 14 more stretches")
