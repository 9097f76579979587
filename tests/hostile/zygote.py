"""Runs commands in forks of one warm process, and says how each ended and what it took.

    python zygote.py

Reads one JSON list of words a line, answers with one JSON object a line: the exit code, standard
error, seconds, and the most memory in bytes. A fork costs milliseconds where a start costs seconds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time

SECONDS = 20  # after which a command is ended; tests ask for less


def main() -> None:
    import cv2
    import numpy  # noqa: F401
    import PIL.Image  # noqa: F401
    import safetensors.torch  # noqa: F401

    import animate.annotators.control
    import animate.cli
    import animate.convert
    import pose
    import temporal.checkpoints
    import temporal.controlnext

    cv2.setNumThreads(0)  # threads do not survive a fork
    assert animate.cli
    assert pose
    assert temporal
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


def run(words: list[str]) -> dict[str, object]:
    start = time.monotonic()
    with tempfile.TemporaryFile() as complaints, tempfile.TemporaryFile() as lines:
        child = os.fork()
        if not child:
            os.dup2(complaints.fileno(), 2)
            os.dup2(lines.fileno(), 1)
            signal.alarm(SECONDS)
            from animate.cli import main as command

            code = command(words)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        _, status, usage = os.wait4(child, 0)
        complaints.seek(0)
        lines.seek(0)
        return {
            "code": os.waitstatus_to_exitcode(status),
            "said": complaints.read().decode(errors="replace"),
            "told": lines.read().decode(errors="replace"),
            "seconds": time.monotonic() - start,
            "bytes": usage.ru_maxrss * 1024,
        }


if __name__ == "__main__":
    main()
