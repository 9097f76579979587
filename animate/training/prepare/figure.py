"""What the poses of a clip tell: the figures that the rules about persons judge."""

from __future__ import annotations

import numpy as np

from pose.report import preflight
from pose.skeleton import LEFT_HAND, RIGHT_HAND, VISIBLE, Mark, PoseSequence


def figures_of(poses: PoseSequence | None, *, alone: bool) -> dict[str, float]:
    """Figures of the most prominent person; None where nobody is: that alone is told.

    alone: whether it matters that there are others. present, alone, hands, cut_off and jumps are
    shares of the frames, hands and cut_off of both hands; height in pictures, speed in torso
    lengths a second.
    """
    if poses is None or not poses.people:
        return {"present": 0.0}
    report = preflight(poses)
    share = {finding.about: len(finding.frames) / len(poses) for finding in report.findings}
    scores, marks = poses.scores[:, 0], poses.marks[:, 0]
    own = (scores > VISIBLE) & ((marks & Mark.FILLED) == 0)
    hands = [own[:, part].any(axis=1).mean() for part in (LEFT_HAND, RIGHT_HAND)]
    figures = {
        "present": 1.0 - share.get("absent", 0.0) - share.get("open", 0.0),
        "height": report.height,
        "hands": float(np.mean(hands)),
        "cut_off": (share.get("left_edge", 0.0) + share.get("right_edge", 0.0)) / 2,
        "speed": report.top_speed,
        "jumps": share.get("jumps", 0.0),
    }
    if alone:
        figures["alone"] = 1.0 - share.get("crowd", 0.0)
    return figures
