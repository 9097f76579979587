"""A further process with an estimator, as seen from the process that started it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from queue import SimpleQueue

from pose.backends import Estimate
from pose.focus import Focus
from pose.video import Clip
from pose.wire import Message, receive, send
from pose.worker import pack

# What the process runs. It gets the folders to import from, as this process may have added some,
# and never the caller's script, which Python's own `spawn` would run again.
PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from pose.worker import main; main(sys.argv[2])"
)


@dataclass(eq=False)
class Part:
    """Frames start to stop of a clip, and what is known of them so far."""

    start: int
    stop: int
    estimates: list[Estimate] = field(default_factory=list)
    damaged: float | None = None  # the time in seconds at which the film ended early
    over: bool = False
    lost: bool = False  # the process that worked on it has ended


Events = SimpleQueue[tuple[Part, Message | None]]


class Helper:
    """Starts the process, in which an estimator opens while this one goes on. Raises OSError."""

    def __init__(self, backend: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(sys.path), backend],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # An interrupt from the terminal is for this process alone, which stops the others.
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self.thread: threading.Thread | None = None

    def take(self, part: Part, clip: Clip, focus: Focus | None, events: Events) -> None:
        """Work on a part; its messages become events, and None if the process is lost."""
        arguments = (part, clip, focus, events)
        self.thread = threading.Thread(target=self._attend, args=arguments, daemon=True)
        self.thread.start()

    def _attend(self, part: Part, clip: Clip, focus: Focus | None, events: Events) -> None:
        assert self.process.stdin
        assert self.process.stdout
        facts, arrays = pack(clip, focus)
        try:
            send(self.process.stdin, "job", *arrays, start=part.start, stop=part.stop, **facts)
            while (message := receive(self.process.stdout)) is not None:
                events.put((part, message))
                if message.kind in ("end", "error"):
                    return
        except OSError:  # it has ended and takes no job
            pass
        events.put((part, None))

    def stop(self) -> None:
        """End the process at once; may be called more than once."""
        self.process.kill()
        self.process.wait()
        if self.thread:
            self.thread.join()
        for stream in (self.process.stdin, self.process.stdout):
            try:
                if stream:
                    stream.close()
            except OSError:  # part of a job that was never read
                pass
