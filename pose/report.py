"""Is this video fit to drive a character? What the poses say before the long work begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.anatomy import body_size
from pose.skeleton import (
    BODY,
    INDEX,
    LEFT_HAND,
    RIGHT_HAND,
    VISIBLE,
    Floats,
    Mark,
    PoseSequence,
)

Flags = NDArray[np.bool_]

BORDER = 0.01  # of the picture's side: a joint this close to the edge, or beyond it, is cut off
JUMP = 0.6  # torso lengths that half of the body moves from one frame to the next: a cut
SMALL = 0.35  # of the picture's height: a smaller figure has hands of few pixels
FAST = 6.0  # torso lengths a second that a wrist needs to count as fast
# Shares of the frames above which a finding is worth a warning, and above which the video is poor.
WARN, POOR = 0.02, 0.25
WEAK_HANDS = (0.1, 0.5)  # the same for hands, which every tracker loses now and then
MOST_RANGES = 6  # stretches of frames spelled out in a line
HANDS = {"left": ("left_wrist", LEFT_HAND), "right": ("right_wrist", RIGHT_HAND)}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something to know before going on; `frames` are the frames concerned.

    about: absent, open, left_hand, right_hand (not clear), left_edge, right_edge (cut off), jumps,
    crowd or small.
    """

    level: str  # "note", "warning" or "poor"
    about: str
    text: str
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """The figures of one person's poses, and what they mean."""

    source: str
    frames: int
    fps: float
    size: tuple[int, int]
    backend: str
    person: int
    framing: str  # "full body", "upper body" or "head and shoulders"
    height: float  # of the figure, in picture heights, at the median
    speed: float  # of the faster wrist in torso lengths a second, at the median
    top_speed: float  # the same at the 95th percentile
    repaired: dict[str, int]  # keypoints by what was done to them
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """good, usable (read the warnings) or poor."""
        levels = {finding.level for finding in self.findings}
        return "poor" if "poor" in levels else "usable" if "warning" in levels else "good"

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {**asdict(self), "verdict": self.verdict}

    def lines(self) -> list[str]:
        """For people."""
        width, height = self.size
        seconds = self.frames / self.fps if self.fps else 0.0
        told = [
            f"{self.frames} frames of {width}x{height}, {seconds:.1f} s at {self.fps:g} per second;"
            f" person {self.person}: {self.framing}, {self.height:.0%} of the picture's height",
            f"Wrists move {self.speed:.1f} torso lengths a second, {self.top_speed:.1f} when fast",
        ]
        told += [f"{finding.level}: {finding.text}" for finding in self.findings]
        return [*told, f"Verdict: {self.verdict}"]


def preflight(poses: PoseSequence, slot: int = 0) -> Preflight:
    """Examine one person of a sequence. Raises ValueError if there is none."""
    if not poses.people or not len(poses):
        raise ValueError("expected poses of at least one person and frame")
    points, scores = poses.keypoints[:, slot], poses.scores[:, slot]
    visible = scores > VISIBLE
    torso = max(float(body_size(poses.keypoints)[slot]), 1.0)
    speed = _wrist_speed(points, visible, poses.times) / torso
    return Preflight(
        source=poses.source,
        frames=len(poses),
        fps=poses.fps,
        size=poses.size,
        backend=f"{poses.backend} {poses.backend_version}".strip(),
        person=poses.ids[slot],
        framing=_framing(visible),
        height=_height(points, visible) / poses.size[1],
        speed=float(np.median(speed)) if len(speed) else 0.0,
        top_speed=float(np.quantile(speed, 0.95)) if len(speed) else 0.0,
        repaired=_repaired(poses.marks[:, slot]),
        findings=tuple(_findings(poses, slot, torso)),
    )


def _findings(poses: PoseSequence, slot: int, torso: float) -> Iterable[Finding]:
    points, scores = poses.keypoints[:, slot], poses.scores[:, slot]
    visible, marks = scores > VISIBLE, poses.marks[:, slot]
    absent = ~((scores > 0) & ((marks & Mark.FILLED) == 0)).any(axis=1)
    left_open = ~(scores > 0).any(axis=1)
    filled = absent & ~left_open
    yield from _finding(filled, "absent", "no person; filled in from the frames around")
    yield from _finding(
        left_open, "open", "no person for long; nothing will steer the character there"
    )
    border = BORDER * np.array(poses.size)
    inside = ((points > border) & (points < np.array(poses.size) - border)).all(axis=-1)
    for side, (wrist, part) in HANDS.items():
        arm = visible[:, INDEX[wrist]]
        cut = arm & (~inside[:, INDEX[wrist]] | (visible[:, part] & ~inside[:, part]).any(axis=1))
        weak = arm & ~cut & ~(visible[:, part] & ((marks[:, part] & Mark.FILLED) == 0)).any(axis=1)
        text = f"the {side} hand is not clear"
        yield from _finding(weak, f"{side}_hand", text, WEAK_HANDS)
        text = f"the {side} hand is cut off by the picture's edge"
        yield from _finding(cut, f"{side}_edge", text, WEAK_HANDS)
    jumps = _jumps(points, visible, torso)
    yield from _finding(jumps, "jumps", "the body jumps; is there a cut?", (0.0, POOR))
    others = poses.crowd > 1
    if others.any():
        who = "choose with --person; the overlay of `animate pose --person all` shows the numbers"
        yield _named("note", others, "crowd", f"several persons (up to {poses.crowd.max()}); {who}")
    height = _height(points, visible) / poses.size[1]
    if height < SMALL:
        text = f"the figure fills only {height:.0%} of the height; fingers will be vague"
        yield Finding(level="warning", about="small", text=text)


def _finding(
    hit: Flags, about: str, text: str, limits: tuple[float, float] = (WARN, POOR)
) -> Iterable[Finding]:
    """A finding if any frame is concerned, as grave as the share of the frames makes it."""
    share = hit.mean()
    if share:
        level = "poor" if share > limits[1] else "warning" if share > limits[0] else "note"
        yield _named(level, hit, about, text)


def _named(level: str, hit: Flags, about: str, text: str) -> Finding:
    chosen = tuple(int(frame) for frame in np.flatnonzero(hit))
    count = f"{len(chosen)} of {len(hit)} frames"
    told = f"{count}: {text} (frames {ranges(chosen)})"
    return Finding(level=level, about=about, text=told, frames=chosen)


def ranges(frames: Iterable[int]) -> str:
    """Frame numbers as people write them: 3-7, 12."""
    stretches: list[list[int]] = []
    for frame in frames:
        if stretches and frame == stretches[-1][1] + 1:
            stretches[-1][1] = frame
        else:
            stretches.append([frame, frame])
    named = [f"{a}-{b}" if b > a else f"{a}" for a, b in stretches[:MOST_RANGES]]
    more = len(stretches) - MOST_RANGES
    return ", ".join(named) + (f" and {more} more stretches" if more > 0 else "")


def _wrist_speed(points: Floats, visible: Flags, times: Floats) -> Floats:
    """The faster wrist's speed in pixels a second, for every step in which one is seen."""
    wrists = [INDEX["left_wrist"], INDEX["right_wrist"]]
    seen = visible[1:, wrists] & visible[:-1, wrists]
    steps = np.maximum(np.diff(times), 1e-6)[:, None]
    moved = np.linalg.norm(np.diff(points[:, wrists], axis=0), axis=-1) / steps
    fastest = np.where(seen, moved, 0.0).max(axis=1)
    return np.asarray(fastest[seen.any(axis=1)])


def _jumps(points: Floats, visible: Flags, torso: float) -> Flags:
    """Frames before which half of the visible body moved too far."""
    seen = visible[1:, BODY] & visible[:-1, BODY]
    moved = np.linalg.norm(np.diff(points[:, BODY], axis=0), axis=-1)
    far = (np.where(seen, moved, 0.0) > JUMP * torso).sum(axis=1)
    return np.concatenate([[False], (far * 2 > seen.sum(axis=1)) & seen.any(axis=1)])


def _framing(visible: Flags) -> str:
    def mostly(*names: str) -> bool:
        return float(visible[:, [INDEX[name] for name in names]].any(axis=1).mean()) > 0.5

    if mostly("left_ankle", "right_ankle"):
        return "full body"
    return "upper body" if mostly("left_hip", "right_hip") else "head and shoulders"


def _height(points: Floats, visible: Flags) -> float:
    """Of the visible body in pixels, at the median."""
    rows = np.where(visible[:, BODY], points[:, BODY, 1], np.nan)
    rows = rows[np.isfinite(rows).any(axis=1)]
    return float(np.median(np.nanmax(rows, axis=1) - np.nanmin(rows, axis=1))) if len(rows) else 0.0


def _repaired(marks: NDArray[np.uint8]) -> dict[str, int]:
    """How many keypoints carry each mark."""
    kinds = [mark for mark in Mark if mark]
    return {str(mark.name).lower(): int(((marks & mark) > 0).sum()) for mark in kinds}
