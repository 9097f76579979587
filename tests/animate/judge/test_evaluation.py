"""What figures mean: limits, findings and words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from animate.judge.evaluation import LIMITS, Evaluation, Limit
from animate.judge.fidelity import TruthFigures
from animate.judge.identity import IdentityFigures
from animate.judge.motion import Hand, MotionFigures
from animate.judge.steadiness import SteadinessFigures

MOTION = MotionFigures(
    frames=48, body=0.9, found=1.0, left=Hand(pck=0.8, recall=0.7, frames=40),
    right=Hand(pck=None, recall=None, frames=0), errors={}, swapped=0, lag=0,
)  # fmt: skip
GOOD = Evaluation(
    frames=48,
    motion=MOTION,
    identity=IdentityFigures(colour=4.0, parts={}, overlap=0.8, texture=0.9),
    steadiness=SteadinessFigures(flicker=0.5, against_truth=None, seams=1.0, drift=1.0),
)


@pytest.mark.parametrize(
    ("limit", "value", "level"),
    [
        (Limit(0.7, 0.5, ""), 0.8, None),
        (Limit(0.7, 0.5, ""), 0.6, "warning"),
        (Limit(0.7, 0.5, ""), 0.1, "poor"),
        (Limit(2.0, 5.0, ""), 1.0, None),
        (Limit(2.0, 5.0, ""), 3.0, "warning"),
        (Limit(2.0, 5.0, ""), 9.0, "poor"),
        (Limit(2.0, 5.0, ""), None, None),
    ],
)
def test_either_end_may_be_bad(limit: Limit, value: float | None, level: str | None) -> None:
    assert limit.level(value) == level


def test_nothing_beyond_a_limit_is_good() -> None:
    assert (GOOD.verdict, GOOD.findings) == ("good", ())
    assert "left found in 70% of 40 frames, 0.80 of its joints right; right not shown" in "".join(
        GOOD.lines()
    )


def test_the_worst_finding_decides() -> None:
    fair = replace(GOOD, motion=replace(MOTION, body=0.6))
    poor = replace(fair, motion=replace(MOTION, body=0.6, found=0.2))
    assert (fair.verdict, poor.verdict) == ("fair", "poor")
    assert poor.lines()[-2:] == ["Poor: frames in which no body is found (0.2)", "Verdict: poor"]


def test_early_is_as_bad_as_late() -> None:
    early = replace(GOOD, motion=replace(MOTION, lag=-6))
    assert [finding.figure for finding in early.findings] == ["motion.lag"]
    assert "6 frames early" in early.lines()[0]


def test_what_was_not_measured_is_not_bad() -> None:
    bare = replace(
        GOOD,
        motion=None,
        identity=IdentityFigures(colour=None, parts={}, overlap=None, texture=None),
        notes=("nothing to see",),
    )
    assert bare.verdict == "good"
    assert "Note: nothing to see" in bare.lines()


def test_truth_has_a_line_of_its_own() -> None:
    truth = TruthFigures(psnr=30.0, figure_psnr=25.0, ssim=0.9, iou=0.95, frames=48)
    line = "Against the truth: 30.0 dB, figure 25.0 dB, SSIM on it 0.90, silhouette IoU 0.95"
    assert line in replace(GOOD, truth=truth).lines()


def test_every_limit_names_a_figure() -> None:
    kinds = {"motion": MotionFigures, "identity": IdentityFigures, "steadiness": SteadinessFigures}
    for figure in LIMITS:
        part, name = figure.split(".")
        assert name in kinds[part].__dataclass_fields__
