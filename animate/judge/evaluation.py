"""What the judge found: figures, what they mean in words, and whether a clip is bad."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from animate.judge.fidelity import TruthFigures
from animate.judge.identity import IdentityFigures
from animate.judge.motion import Hand, MotionFigures
from animate.judge.steadiness import SteadinessFigures


@dataclass(frozen=True)
class Limit:
    """From which value on a figure is worth a warning, and from which it makes a clip poor."""

    warn: float
    poor: float
    text: str

    def level(self, value: float | None) -> str | None:
        """ "warning", "poor" or None; the limits' order says which end is bad."""
        if value is None:
            return None
        sign = 1 if self.poor > self.warn else -1
        beyond = [sign * value > sign * limit for limit in (self.warn, self.poor)]
        return "poor" if beyond[1] else "warning" if beyond[0] else None


# Set between measured good and bad clips: docs/evaluate.md has the table, and
# scripts/bench_judge.py prints it.
LIMITS = {
    "motion.body": Limit(0.7, 0.5, "the body does not follow the driving figure"),
    "motion.found": Limit(0.98, 0.8, "frames in which no body is found"),
    "motion.lag": Limit(1.5, 5.5, "the result is late or early"),
    "identity.colour": Limit(12.0, 30.0, "the figure's colours are not the reference's"),
    "identity.overlap": Limit(0.45, 0.25, "the figure's colours are spread unlike the reference's"),
    "steadiness.flicker": Limit(2.0, 5.0, "the background flickers"),
    "steadiness.against_truth": Limit(1.5, 3.0, "the background flickers more than the truth"),
    "steadiness.seams": Limit(1.3, 2.0, "the windows' borders show"),
    "steadiness.drift": Limit(5.0, 12.0, "colours drift from start to end"),
}


@dataclass(frozen=True)
class Finding:
    """A figure beyond its limit."""

    level: str  # "warning" or "poor"
    figure: str
    value: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The judge's figures of one clip; None where nothing could be measured, `notes` say why."""

    frames: int
    motion: MotionFigures | None
    identity: IdentityFigures
    steadiness: SteadinessFigures
    truth: TruthFigures | None = None
    notes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The figures that are beyond their limits."""
        found = []
        for figure, limit in LIMITS.items():
            part, name = figure.split(".")
            value = getattr(getattr(self, part), name, None)
            value = abs(value) if figure == "motion.lag" and value is not None else value
            level = limit.level(value)
            if level is not None and value is not None:
                found.append(Finding(level, figure, value, limit.text))
        return tuple(found)

    @property
    def verdict(self) -> str:
        """good, fair (read the warnings) or poor."""
        levels = {finding.level for finding in self.findings}
        return "poor" if "poor" in levels else "fair" if levels else "good"

    def to_dict(self) -> dict[str, Any]:
        """Everything, with findings and verdict."""
        found = [asdict(finding) for finding in self.findings]
        return {**asdict(self), "findings": found, "verdict": self.verdict}

    def to_json(self) -> str:
        """For programs; what could not be measured is null."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    def lines(self) -> list[str]:
        """For people."""
        told = [*self._motion_lines(), *self._identity_lines(), *self._time_lines()]
        if self.truth is not None:
            told.append(_truth_line(self.truth))
        told += [f"Note: {note}" for note in self.notes]
        told += [f"{f.level.capitalize()}: {f.text} ({_short(f.value)})" for f in self.findings]
        return [*told, f"Verdict: {self.verdict}"]

    def _motion_lines(self) -> Iterator[str]:
        motion = self.motion
        if motion is None:
            return
        if motion.body is None:
            yield "Motion: the driving source shows nobody to follow"
            return
        late = f"{abs(motion.lag)} frames {'late' if motion.lag > 0 else 'early'}"
        swapped = f"; sides exchanged by the tracker in {motion.swapped}" if motion.swapped else ""
        yield (
            f"Motion: {motion.body:.2f} of the body's joints are right, body found in "
            f"{motion.found or 0:.0%} of {motion.frames} frames, "
            f"{late if motion.lag else 'in time'}{swapped}"
        )
        yield f"Hands: {_hand_text('left', motion.left)}; {_hand_text('right', motion.right)}"

    def _identity_lines(self) -> Iterator[str]:
        looks = self.identity
        parts = [
            ("parts' colours off by {:.1f} (CIELAB)", looks.colour),
            ("colour histograms overlap by {:.2f}", looks.overlap),
            ("fine detail {:.2f} times", looks.texture),
            ("CLIP {:.2f}", looks.clip),
            ("face {:.2f}", looks.face),
        ]
        told = [text.format(value) for text, value in parts if value is not None]
        if told:
            yield f"Character beside the reference: {', '.join(told)}"

    def _time_lines(self) -> Iterator[str]:
        time = self.steadiness
        parts = [
            ("background flicker {:.1f} grey levels", time.flicker),
            ("{:.1f} times the truth's", time.against_truth),
            ("change at window borders {:.2f} times the usual", time.seams),
            ("drift {:.1f} (CIELAB)", time.drift),
            ("{} jumps", len(time.jumps) or None),
        ]
        told = [text.format(value) for text, value in parts if value is not None]
        if told:
            yield f"Over time: {', '.join(told)}"


def _hand_text(side: str, hand: Hand) -> str:
    if hand.recall is None:
        return f"{side} not shown"
    right = "" if hand.pck is None else f", {hand.pck:.2f} of its joints right"
    return f"{side} found in {hand.recall:.0%} of {hand.frames} frames{right}"


def _truth_line(truth: TruthFigures) -> str:
    figure = "" if truth.figure_psnr is None else f", figure {truth.figure_psnr:.1f} dB"
    similar = "" if truth.ssim is None else f", SSIM on it {truth.ssim:.2f}"
    return (
        f"Against the truth: {truth.psnr:.1f} dB{figure}{similar}, silhouette IoU {truth.iou:.2f}"
    )


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
