"""Runs commands in forks of one warm process, and says how each ended and what it took.

    python zygote.py

Reads one JSON list of words a line, answers with one JSON object a line: the exit code, standard
error, seconds of a processor, and the most memory in bytes. A fork costs milliseconds where a start
costs seconds.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile

SECONDS = 20  # of a core, after which a command is ended; tests ask for less


def main() -> None:
    import accelerate  # noqa: F401
    import cv2
    import diffusers.models.unets.unet_spatio_temporal_condition  # noqa: F401
    import numpy  # noqa: F401
    import peft  # noqa: F401
    import PIL.Image  # noqa: F401
    import safetensors.torch  # noqa: F401

    import animate.annotators.control
    import animate.cli
    import animate.convert
    import animate.pipelines.lora
    import animate.training.loop
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
    with tempfile.TemporaryFile() as complaints, tempfile.TemporaryFile() as lines:
        child = os.fork()
        if not child:
            os.dup2(complaints.fileno(), 2)
            os.dup2(lines.fileno(), 1)
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            signal.alarm(10 * SECONDS)  # of the clock, which stands for whatever waits
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
            "seconds": usage.ru_utime + usage.ru_stime,
            "bytes": usage.ru_maxrss * 1024,
        }


def command(words: list[str]) -> int:
    """The exit code of a command, or of one of the calls, told as a command's."""
    from animate import cli

    if words[0] != "call":
        return cli.main(words)
    from tests.hostile.calls import CALLS

    return cli._guard(lambda: CALLS[words[1]](words[2]), prog="animate call", debug=False)


if __name__ == "__main__":
    main()
