"""Control maps of files: a picture becomes a picture, a film a film, frame by frame."""

from __future__ import annotations

from pathlib import Path

from animate.annotators.control import ControlMap, control_map
from animate.annotators.kinds import kind_of
from animate.annotators.maps import fit_picture
from animate.annotators.registry import open_annotator
from animate.annotators.settings import MapSettings
from animate.config import Settings
from animate.errors import UsageError
from animate.files import CONTAINERS, check_output
from animate.progress import Progress, ignore
from animate.still_files import PICTURES, write_picture

Size = tuple[int, int]


def annotate_picture(
    source: Path,
    output: Path,
    kind: str,
    *,
    method: str = "auto",
    settings: MapSettings | None = None,
    size: Size | None = None,
    overwrite: bool = False,
) -> ControlMap:
    """Make the map of a picture and write it. Raises AnimateError and pose.PoseError."""
    check_output(output, overwrite=overwrite, suffixes=PICTURES)
    made = control_map(source, kind, size=size, annotate=True, method=method, settings=settings)
    write_picture(output, made.picture, overwrite=overwrite)
    return made


def annotate_film(
    source: Path,
    output: Path,
    kind: str,
    *,
    method: str = "auto",
    settings: MapSettings | None = None,
    size: Size | None = None,
    reading: Settings | None = None,
    overwrite: bool = False,
    progress: Progress = ignore,
) -> tuple[str, int]:
    """Make a film of maps, of which one frame is kept at a time; the method, and the frames.

    reading: which frames, and for skeletons who finds and follows whom. Raises AnimateError and
    pose.PoseError.
    """
    from animate.video import VideoWriter
    from pose.video import open_video

    kind_of(kind)
    check_output(output, overwrite=overwrite)
    settings, reading = settings or MapSettings(), reading or Settings()
    if kind == "pose":
        return _track(source, output, settings, reading, size, overwrite, progress)
    clip = open_video(source, fps=reading.fps, stride=reading.stride, frames=reading.frames)
    size = size or clip.size
    with open_annotator(kind, method, settings) as annotator:
        with VideoWriter(output, size, clip.fps) as writer:
            for done, frame in enumerate(clip, start=1):
                writer.write(annotator(fit_picture(frame, size)))
                progress("annotate", done, len(clip))
        return annotator.method, writer.frames


def _track(
    source: Path,
    output: Path,
    settings: MapSettings,
    reading: Settings,
    size: Size | None,
    overwrite: bool,
    progress: Progress,
) -> tuple[str, int]:
    """Skeletons of a film come from tracking, which is steadier than single pictures."""
    from animate.poses import save_skeletons, track_video

    if size is not None:
        raise UsageError("--size is not for films of skeletons, which keep the film's size")
    _, poses = track_video(source, reading, progress=progress)
    save_skeletons(output, poses, look=settings.look, overwrite=overwrite, progress=progress)
    return poses.backend or "pose", len(poses)


def output_for(source: Path, kind: str, film: bool) -> Path:
    """Where a map goes if nobody says: NAME_KIND.png or .mp4 in the current folder."""
    return Path(f"{source.stem}_{kind}{CONTAINERS[0] if film else PICTURES[0]}")
