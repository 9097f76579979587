"""Train one's own control, character or model on a prepared data set."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from animate.commands import options
from animate.progress import Report, unheard

EVERY = 20  # steps between two lines of progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate train`."""
    parser.usage = "animate train CONFIG.yaml [section.key=value ...]"
    parser.add_argument("config", metavar="CONFIG.yaml", type=Path, help="settings of the run")
    parser.add_argument(
        "changes",
        metavar="section.key=value",
        nargs="*",
        help="settings that replace the file's, such as loop.steps=200",
    )


def run(arguments: argparse.Namespace) -> None:
    """Train, and tell the loss, the pace and what was written."""
    from animate.training.config import load_settings

    settings = load_settings(arguments.config, arguments.changes)  # before the heavy imports
    from animate.load import hush
    from animate.training.run import run as train

    hush()
    first = os.environ.get("RANK", "0") == "0"  # of several processes one speaks
    say = options.speaker(arguments) if first else unheard
    start = time.monotonic()
    outcome = train(settings, say=say, on_step=Pace(say))
    if outcome.losses:
        say(f"{len(outcome.losses)} steps in {time.monotonic() - start:.1f} s")


class Pace:
    """Tells the mean loss and the time left every so many steps."""

    def __init__(self, say: Report, every: int = EVERY) -> None:
        self.say, self.every = say, every
        self.losses: list[float] = []
        self.since = time.monotonic()

    def __call__(self, step: int, steps: int, loss: float) -> None:
        """Called after every step."""
        self.losses.append(loss)
        if step % self.every and step != steps:
            return
        pace = (time.monotonic() - self.since) / len(self.losses)
        mean = sum(self.losses) / len(self.losses)
        left = (steps - step) * pace / 60
        self.say(f"step {step}/{steps}: loss {mean:.4f}, {pace:.2f} s a step, {left:.0f} min left")
        self.losses.clear()
        self.since = time.monotonic()
