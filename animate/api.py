"""Animate a reference picture with the motion of a video: what README shows first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animate.config import Resolved, Settings, settings_from
from animate.denoise import denoise
from animate.devices import in_less_memory, shrink_denoising
from animate.driving import Driving, open_driving
from animate.fingerprint import file_print, program_print
from animate.framing import choose_size
from animate.journal import Facts, Journal
from animate.motion import Found, completes, find, place, with_reference
from animate.progress import Progress, Report, ignore, unheard
from animate.result import Result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from animate.load import Model
    from animate.pipelines.spread import Helpers
    from pose.skeleton import PoseSequence

# The settings that decide the poses; a change of others leaves them as they are.
READING = ("fps", "stride", "frames", "person", "smooth", "pose_backend", "align", "device")


def animate(
    driving: str | os.PathLike[str],
    ref: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    report: Report | None = None,
    journal: str | os.PathLike[str] | None = None,
    load: Callable[[Settings], Model] | None = None,
    tracked: PoseSequence | None = None,
    helpers: Helpers | None = None,
    **settings: Any,
) -> Result:
    """Make the character in picture `ref` move like the person in video `driving`.

    driving may also be a keypoint file (npz or OpenPose JSON), a folder of JSON files or pictures,
    or finished skeletons. settings: see animate.config.Settings. progress(stage, done, total)
    follows the stages track, load and denoise; report(line) gets what was decided. Frames are
    decoded when they are asked for. journal: a folder for the run's notes, which Result.save
    removes; after a kill the same call goes on from them to an equal result. For many clips: load
    gives the model in place of `animate.load.load_model`, tracked are the film's known poses,
    helpers do windows of this clip elsewhere (see `animate.pipelines.spread`).
    Raises AnimateError, pose.PoseError or temporal.TemporalError.
    """
    asked = settings_from(settings)
    progress, report = progress or ignore, report or unheard
    notes = Journal(None if journal is None else Path(journal), report)
    notes.open()
    try:
        return _animate(
            Path(driving), Path(ref), asked, progress, report, notes, load, tracked, helpers
        )
    except Exception:
        notes.close(failed=True)  # it would fail again
        raise
    except BaseException:
        notes.close()
        raise


def _animate(
    path: Path,
    ref: Path,
    asked: Settings,
    progress: Progress,
    report: Report,
    journal: Journal,
    load: Callable[[Settings], Model] | None,
    tracked: PoseSequence | None,
    helpers: Helpers | None,
) -> Result:
    from animate.load import load_model
    from animate.planner import make_plan
    from pose.video import load_image

    source = open_driving(path, asked)
    picture = load_image(ref)
    journal.begin(_inputs(path, ref, asked))
    found = find(  # may find nobody
        source, picture, asked, progress=progress, journal=journal, tracked=tracked
    )
    for line in _describe_driving(source, found, asked):
        report(line)
    plan = make_plan(asked, _size_of(picture), len(source))
    asked = plan.asked
    for line in plan.warnings():
        report(line)
    progress("load", 0, 1)
    model = (load or load_model)(asked)
    progress("load", 1, 1)
    size = choose_size(_size_of(picture), model.defaults, model.pipeline.size_multiple, asked.size)
    decided = asked.resolve(model.defaults, size=size, device=model.device, dtype=model.dtype)
    for line in _describe(asked.size, decided, source, picture, model):
        report(line)
    if model.pipeline.controlnext.sees_reference:
        found = with_reference(found, picture, asked)
    drafted = model.pipeline.controlnext.sees_draft
    motion = place(source, found, picture, decided, model.look, drafted=drafted)
    latents, decided = in_less_memory(
        lambda chosen: denoise(
            model,
            picture,
            motion,
            chosen,
            fps=source.fps,
            progress=progress,
            journal=journal,
            helpers=helpers,
        ),
        decided,
        report,
        shrink=shrink_denoising,
    )
    return Result(
        settings=decided,
        motion=motion,
        driving=source,
        latents=latents,
        pipeline=model.pipeline,
        journal=journal,
    )


def _inputs(driving: Path, ref: Path, asked: Settings) -> Facts:
    """All that decides the poses."""
    return {
        "driving source": file_print(driving),
        "reference picture": file_print(ref),
        "version of the program": program_print(),
        **{name: getattr(asked, name) for name in READING},
    }


def _size_of(picture: NDArray[np.uint8]) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]


def _describe(
    asked_size: tuple[int, int] | None,
    settings: Resolved,
    driving: Driving,
    picture: NDArray[np.uint8],
    model: Model,
) -> Iterator[str]:
    """What is going to happen, line by line."""
    width, height = settings.size
    frames = len(driving) + int(settings.reference_first)
    if asked_size is not None and asked_size != settings.size:
        yield (
            f"Size {asked_size[0]}x{asked_size[1]} rounded to {width}x{height}: "
            f"the model works in multiples of {model.pipeline.size_multiple}"
        )
    yield f"Model {model.name}: {model.why}; on {model.device} in {model.dtype}"
    yield from model.notes
    yield (
        f"{driving.kind} {driving.size[0]}x{driving.size[1]}, reference "
        f"{picture.shape[1]}x{picture.shape[0]} -> result {width}x{height}, "
        f"{len(driving)} frames at {driving.fps:g} per second"
    )
    yield (
        f"{_windows(frames, settings)}, {_count(settings.steps, 'step')}, "
        f"guidance {_guidance(settings)}, control {settings.control_scale:g}, "
        f"seed {settings.seed}{', as the reference does' if settings.official else ''}"
    )


def _windows(frames: int, settings: Resolved) -> str:
    from temporal.windows import plan_windows

    plan = plan_windows(frames, settings.window, settings.overlap, blend=settings.windows)
    if len(plan) == 1:
        return f"One window of {_count(frames, 'frame')}"
    kind = "shifted" if settings.windows == "shifted" else f"overlap {settings.overlap}"
    return f"{len(plan)} windows of up to {max(map(len, plan))} frames, {kind}"


def _guidance(settings: Resolved) -> str:
    low, high = settings.guidance_ends
    return f"{low:g}" if low == high else f"{low:g} to {high:g} over the {settings.ramp}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _describe_driving(driving: Driving, found: Found, asked: Settings) -> Iterator[str]:
    """What was met in the driving source that the user should know of."""
    from pose.complete import missing_limbs
    from pose.cut import without_cut_legs
    from pose.report import preflight

    if found.tracked is None:
        yield "The skeletons steer the model as they are: nothing is fitted to the reference"
        return
    if driving.damaged is not None:
        yield (
            f"The driving video is damaged at {driving.damaged:.2f} s: only the "
            f"{len(found.tracked)} frames before that are used"
        )
    for finding in preflight(found.tracked).findings:
        yield f"{finding.level.capitalize()}: {finding.text}"
    if completes(asked) and found.reference is not None:
        lost = missing_limbs(without_cut_legs(found.tracked), found.reference)
        if lost:
            yield f"The driving video never shows {', '.join(lost)}: held as in the reference"
