"""What a worker does, on whatever engine: track a film, make a clip, with the model kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animate.batch import places
from animate.batch.jobs import Job
from animate.batch.strip import strip_of
from animate.errors import AnimateError
from animate.kept import LOADING, Kept
from animate.progress import Progress

if TYPE_CHECKING:
    from animate.config import Settings
    from animate.load import Model
    from animate.pipelines.spread import Helpers
    from animate.result import Result
    from pose.skeleton import PoseSequence


@dataclass(frozen=True, kw_only=True)
class Made:
    """What is told of a finished job.

    strip: a JPEG; figures: the judge's, None if not judged; helped: windows that other workers
    predicted.
    """

    seconds: float
    frames: int
    figures: dict[str, Any] | None
    strip: bytes | None
    helped: int = 0


class Worker:
    """Does one task after the other and keeps the last model it loaded.

    scratch: a folder for what is no result. threads: that torch computes with; the same number
    gives the same bytes, whichever engine the worker belongs to. None: what torch would take
    alone, divided by `share`, the workers on this machine.
    """

    def __init__(self, scratch: Path, threads: int | None = None, share: int = 1) -> None:
        import torch

        from animate.load import load_model

        self.scratch = scratch
        # A helper of another's clip loads beside our own.
        self.load: Kept[Settings, Model] = Kept(load_model, LOADING)
        torch.set_num_threads(threads or max(1, torch.get_num_threads() // share))

    def track(self, job: Job, progress: Progress) -> PoseSequence:
        """The poses of the job's film."""
        from animate.driving import find_poses, open_driving

        source = open_driving(job.driving, job.settings)
        return find_poses(source, job.settings, progress)

    def make(
        self,
        job: Job,
        poses: PoseSequence | None,
        progress: Progress,
        replaces: str | None,
        helpers: Helpers | None = None,
    ) -> Made:
        """Make the job's video, on from where an interrupted worker was, and judge it.

        replaces: see places.print_of, of what was at the output's place before the batch; another
        file there is the result of a worker that was lost before it could say so. helpers: who may
        predict windows of the clip, too.
        """
        began = time.monotonic()
        there = places.print_of(job.output)
        if there is not None and there != replaces and not places.is_remote(job.output):
            return self._known(job, began, progress)
        path = places.local_path(job.output, self.scratch)
        path.parent.mkdir(parents=True, exist_ok=True)
        result = self._animate(job, path, poses, progress, helpers)
        figures = self._judge(job, result, path, progress)
        strip = strip_of(path)
        places.deliver(path, job.output)
        seconds = time.monotonic() - began
        return Made(seconds=seconds, frames=len(result), figures=figures, strip=strip)

    def model_settings(self) -> Settings:
        """By which the model in memory was loaded."""
        return self.load.settings

    def _animate(
        self,
        job: Job,
        path: Path,
        poses: PoseSequence | None,
        progress: Progress,
        helpers: Helpers | None,
    ) -> Result:
        from animate.api import animate
        from animate.journal import journal_path
        from animate.poses import save_poses

        options = job.options
        result = animate(
            job.driving,
            job.ref,
            progress=progress,
            journal=journal_path(path),
            load=self.load,
            tracked=poses,
            helpers=helpers,
            **vars(job.settings),
        )
        for beside in filter(None, (options.save_poses, options.save_compare)):
            beside.parent.mkdir(parents=True, exist_ok=True)
        if options.save_poses is not None and result.poses is not None:
            save_poses(options.save_poses, result.poses)
        result.save(  # last: when the video is there, the job is done
            path,
            audio=not options.no_audio,
            compare=options.compare,
            comparison=options.save_compare,
            progress=progress,
        )
        return result

    def _judge(
        self, job: Job, result: Result, path: Path, progress: Progress
    ) -> dict[str, Any] | None:
        from animate.judge.films import evaluate_run, written_film
        from pose.video import load_image

        if not job.options.eval or result.poses is None:
            return None
        film = written_film(path, result.panel_width if job.options.compare else None)
        return _figures(
            lambda: evaluate_run(result, load_image(Path(job.ref)), film=film, progress=progress)
        )

    def _known(self, job: Job, began: float, progress: Progress) -> Made:
        """Of a video that is there already: only judged, by the film alone."""
        from animate.journal import forget
        from animate.judge.films import evaluate
        from pose.video import open_video

        path = Path(job.output)
        forget(path, finished_only=True)
        figures = None
        if job.options.eval and not job.options.compare:
            figures = _figures(
                lambda: evaluate(
                    path, job.driving, job.ref, progress=progress, **vars(job.settings)
                )
            )
        frames, seconds = len(open_video(path)), time.monotonic() - began
        return Made(seconds=seconds, frames=frames, figures=figures, strip=strip_of(path))


def _figures(judge: Callable[[], Any]) -> dict[str, Any] | None:
    """The judge's figures; None if it cannot judge, as the video is whole all the same."""
    from pose.errors import PoseError

    try:
        figures: dict[str, Any] = judge().to_dict()
    except (AnimateError, PoseError):
        return None
    return figures


def default_workers() -> int:
    """One for each GPU; one in all without, as torch keeps all cores busy by itself."""
    import torch

    return max(1, torch.cuda.device_count()) if torch.cuda.is_available() else 1


def only_gpu(number: int) -> dict[str, str]:
    """The environment of a worker that shall see one GPU, of those that this process sees."""
    seen = [part for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part]
    return {"CUDA_VISIBLE_DEVICES": seen[number % len(seen)] if seen else str(number)}
