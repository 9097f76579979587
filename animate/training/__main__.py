"""`accelerate launch -m animate.training CONFIG.yaml`: `animate train` in several processes."""

import os
import sys
from typing import NoReturn

from animate.cli import main


def leave(code: int) -> NoReturn:
    """Exit at once: gloo's threads sometimes abort a process whose Python has already ended.

    One of some 30 runs of two processes on a CPU was reported as failed so, all its files whole.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main(["train", *sys.argv[1:]]))
