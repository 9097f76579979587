"""A worker process of the local engine: tasks come through standard input, events go out."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from animate.batch.jobs import job_from
from pose.wire import Message, receive, send

Tell = Callable[..., None]

TELL_EVERY = 0.2  # seconds between two words on one stage
GRACE = 10.0  # seconds in which a worker that is to end removes what it has written in part
END = "end"  # the message that says so
_ending = threading.Event()


def main(facts: str) -> None:
    """Serve until standard input is closed, as it is when the batch ends, however it ends.

    Told to end, work does so at its next word of progress: no partial file stays, its journal does.
    """
    told = json.loads(facts)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not come between the messages
    inbox: SimpleQueue[Message | None] = SimpleQueue()
    threading.Thread(target=_listen, args=(inbox,), daemon=True).start()

    def tell(kind: str, *arrays: Any, **values: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # then standard input has ended too
            send(output, kind, *arrays, **values)

    from animate.batch.worker import Worker

    worker = Worker(Path(told["scratch"]), told["threads"], told["share"])
    tell("ready")
    with contextlib.suppress(SystemExit):
        while (message := inbox.get()) is not None:
            _serve(worker, message, tell)
    os._exit(0)  # nothing is left to do but what libraries take their time for


def _listen(inbox: SimpleQueue[Message | None]) -> None:
    """Take messages while work goes on, and end the process at once when nobody can send any."""
    while (message := receive(sys.stdin.buffer)) is not None:
        if message.kind == END:
            _ending.set()
            inbox.put(None)
            time.sleep(GRACE)
            break
        inbox.put(message)
    os._exit(0)


def _serve(worker: Any, message: Message, tell: Tell) -> None:
    """Do one task and say how it ended."""
    from animate.batch.failures import failure_of
    from pose.files import load_poses
    from pose.npz import save_poses

    facts = message.facts
    job, poses = job_from(facts["job"]), facts["poses"]
    try:
        if message.kind == "track":
            save_poses(poses, worker.track(job, seldom(tell)))
            tell("tracked")
            return
        known = None if poses is None else load_poses(poses)
        made = worker.make(job, known, seldom(tell), facts["replaces"])
    except Exception as error:  # whatever it is, the other jobs go on
        tell("failed", **failure_of(error).facts())
        return
    strip = np.frombuffer(made.strip or b"", np.uint8)
    tell("made", strip, seconds=made.seconds, frames=made.frames, figures=made.figures)


def seldom(tell: Tell) -> Callable[[str, int, int], None]:
    """A progress callback that passes on what is new, not every single step."""
    last: dict[str, float] = {}

    def progress(stage: str, done: int, total: int) -> None:
        if _ending.is_set():
            raise SystemExit
        now = time.monotonic()
        if stage not in last or done >= total or now - last[stage] >= TELL_EVERY:
            last[stage] = now
            tell("progress", stage=stage, done=done, total=total)

    return progress
