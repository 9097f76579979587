"""The further processes of pose.parallel: parts of a video in, estimates out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pose.backends import Backend, backend_for, version_of
from pose.errors import PoseError
from pose.focus import Focus
from pose.parts import estimate_part
from pose.video import Clip, VideoInfo
from pose.wire import Message, receive, send


def main(backend: str) -> None:
    """Serve standard input and output until either is closed."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not come between the messages
    _leave_out_matplotlib()
    try:
        serve(sys.stdin.buffer, output, backend)
    except BrokenPipeError:  # nobody waits for the results any more
        os._exit(1)


def _leave_out_matplotlib() -> None:
    """Put an empty module in its place: MediaPipe imports it, half of its start, to draw."""
    package, module = ModuleType("matplotlib"), ModuleType("matplotlib.pyplot")
    package.__dict__["pyplot"] = module
    sys.modules.update({"matplotlib": package, "matplotlib.pyplot": module})


def serve(jobs: IO[bytes], output: IO[bytes], backend: str) -> None:
    """Answer every job with its estimates, one message a frame, and an end or an error."""
    job, waiting = None, True
    try:
        while waiting or job is not None:
            with backend_for(backend) as estimator:
                # The first estimator opens while the first job is being prepared.
                job, waiting = receive(jobs) if waiting else job, False
                if job is not None:
                    _work(job, estimator, output)
            job = receive(jobs)
    except PoseError as error:
        send(output, "error", type=type(error).__name__, message=str(error))


def _work(job: Message, estimator: Backend, output: IO[bytes]) -> None:
    clip, focus = unpack(job)
    send(output, "start", name=estimator.name, version=version_of(estimator))
    start, stop = job.facts["start"], job.facts["stop"]
    for keypoints, scores in estimate_part(estimator, clip, start, stop, focus):
        send(output, "estimate", keypoints, scores)
    send(output, "end", damaged=clip.damaged)


def pack(clip: Clip, focus: Focus | None) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """A clip, and where to look in it, as the facts and arrays of a message."""
    copy = None if clip.info.copy is None else str(clip.info.copy)
    info = {**vars(clip.info), "path": str(clip.info.path), "copy": copy}
    facts = {"info": info, "fps": clip.fps, "number": focus.number if focus else None,
             "close": focus.close if focus else None}  # fmt: skip
    looks = [focus.boxes, focus.crowd] if focus else []
    return facts, [np.asarray(clip.indices), np.asarray(clip.times), *looks]


def unpack(job: Message) -> tuple[Clip, Focus | None]:
    """The inverse of pack."""
    told = job.facts["info"]
    copy = None if told["copy"] is None else Path(told["copy"])
    info = VideoInfo(**{**told, "path": Path(told["path"]), "copy": copy})
    indices, times, *looks = job.arrays
    focus = Focus(looks[0], looks[1], job.facts["number"], job.facts["close"]) if looks else None
    return Clip(info, indices, times, job.facts["fps"]), focus
