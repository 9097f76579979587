"""Time what a newcomer waits for: the command's help, and the whole sample from file to file.

python scripts/bench_demo.py            # table, then one JSON object as the last line
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
HELP_GOAL, DEMO_GOAL = 0.5, 150.0  # seconds, on two CPU cores
HELP_RUNS = 7


def main() -> None:
    options = _options()
    figures: dict[str, float | bool] = {"help_s": _median_help()}
    seconds, stages = _demo(options.frames)
    figures["demo_s"] = seconds
    for stage, value in stages.items():
        figures[f"{stage}_s"] = value
    figures["pass"] = figures["help_s"] <= HELP_GOAL and seconds <= DEMO_GOAL
    print(f"{'what':<28}{'seconds':>9}{'goal':>8}")
    print(f"{'animate --help, median':<28}{figures['help_s']:>9.2f}{HELP_GOAL:>8.1f}")
    print(f"{'the sample, file to file':<28}{seconds:>9.1f}{DEMO_GOAL:>8.0f}")
    for stage, value in stages.items():
        print(f"{'  ' + stage:<28}{value:>9.1f}")
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, help="only so many frames of the sample")
    return parser.parse_args()


def _run(*arguments: str) -> tuple[float, str]:
    command = [sys.executable, "-m", "animate", *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def _median_help() -> float:
    return round(statistics.median(_run("--help")[0] for _ in range(HELP_RUNS)), 3)


def _demo(frames: int | None) -> tuple[float, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "out.mp4")
        limit = [] if frames is None else ["--frames", str(frames)]
        seconds, printed = _run(
            str(SAMPLES / "dance.mp4"), "--ref", str(SAMPLES / "hero.png"), "-o", output, *limit
        )
    line = next(line for line in printed.splitlines() if line.startswith("Stages:"))
    return round(seconds, 1), {name: float(s) for name, s in re.findall(r"(\w+) ([\d.]+) s", line)}


if __name__ == "__main__":
    main()
