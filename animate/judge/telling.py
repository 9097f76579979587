"""Judge what a run has just written, and tell its user."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from animate.errors import AnimateError
from animate.progress import Progress, Report

if TYPE_CHECKING:
    from animate.result import Result


def tell_figures(
    result: Result,
    ref: Path,
    video: Path,
    kept: Path | None,
    say: Report,
    progress: Progress,
    *,
    panel: int | None = None,
) -> bool:
    """Tell the figures of a written video, and keep them as JSON; whether there are any.

    ref: the reference picture. panel: of a comparison only its last columns are judged. What goes
    wrong is told, too: the video is whole, whatever comes.
    """
    from animate.judge.films import evaluate_run, save_evaluation, written_film
    from pose.errors import PoseError
    from pose.video import load_image

    if result.poses is None:
        say("Not judged: finished skeletons hold no keypoints to compare the result with")
        return False
    try:
        film = written_film(video, panel)
        found = evaluate_run(result, load_image(ref), film=film, progress=progress)
        if kept is not None:
            save_evaluation(kept, found)
    except (AnimateError, PoseError) as error:
        say(f"Not judged: {error}")
        return False
    for line in found.lines():
        say(line)
    return True
