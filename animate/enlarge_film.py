"""Make a film larger, frame by frame, with its sound: `animate upscale FILM`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from animate.enlarge import enlarger
from animate.enlarge_settings import UpscaleSettings
from animate.files import check_output
from animate.progress import Progress, Report, ignore, unheard

if TYPE_CHECKING:
    from animate.still_models import StillModel


def upscale_film(
    source: Path,
    output: Path,
    *,
    loaded: StillModel | None = None,
    overwrite: bool = False,
    progress: Progress = ignore,
    report: Report = unheard,
    **settings: Any,
) -> int:
    """Write a film larger by a factor of up to 4, and return how many frames it has.

    One frame is kept at a time. Each is enlarged for itself from the same noise; a model that
    draws none, such as mini-sd3, adds no flicker but what detail it tells differently.
    settings: see `animate.enlarge_settings.UpscaleSettings`. Raises AnimateError, pose.PoseError or
    temporal.TemporalError.
    """
    from animate.audio import Soundtrack
    from animate.video import VideoWriter
    from pose.video import open_video

    asked = UpscaleSettings(**settings)
    check_output(output, overwrite=overwrite)
    clip = open_video(source)
    width, height = (round(side * asked.factor) for side in clip.size)
    sound = Soundtrack(source=source, duration=len(clip) / clip.fps)
    told: list[str] = []

    def once(line: str) -> None:
        if line not in told:  # every frame says the same
            told.append(line)
            report(line)

    def loading(stage: str, done: int, total: int) -> None:
        if stage == "load":
            progress(stage, done, total)

    with (
        enlarger(asked, loaded=loaded, progress=loading, report=once) as enlarge,
        VideoWriter(output, (width, height), clip.fps, sound) as writer,
    ):
        for done, frame in enumerate(clip, start=1):
            writer.write(enlarge(frame))
            progress("enlarge", done, len(clip))
    return writer.frames
