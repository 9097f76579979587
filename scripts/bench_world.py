"""Measure how fast the synthetic world is drawn, on one core, and what it shows.

python scripts/bench_world.py [--characters 24] [--against FOLDER]

Every character is drawn as for training: 8 frames of a motion and 4 stills at about 128x192.
With --against, the sources of another version in FOLDER draw the same seeds in turns. CPU seconds
of this process count, the best of three for each character. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
MOVING, STILLS, REPEATS = 8, 4, 3
GOAL = 30.0  # frames a second and core: 100,000 frames an hour

WORKER = """
import sys, time
import cv2, torch
from animate.training.corpus import render_sample
cv2.setNumThreads(1)
torch.set_num_threads(1)
for line in sys.stdin:
    start = time.process_time()
    _, arrays = render_sample(int(line), moving={moving}, stills={stills})
    spent = time.process_time() - start
    print(spent, (arrays["parts"] > 0).mean(), *arrays["frames"].shape[1:3], flush=True)
"""


def _worker(folder: Path) -> subprocess.Popen[str]:
    code = WORKER.format(moving=MOVING, stills=STILLS)
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, text=True, env=environment, cwd=folder, **pipes)


def _draw(worker: subprocess.Popen[str], seed: int) -> list[float]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    print(seed, file=worker.stdin, flush=True)
    return [float(word) for word in worker.stdout.readline().split()]


def _figures(rows: list[list[float]]) -> dict[str, float]:
    """From seconds, share covered, height and width of every character's pictures."""
    seconds, covered, height, width = np.array(rows).T
    frames = MOVING + STILLS
    return {
        "frames/s per core": round(float(frames * len(rows) / seconds.sum()), 2),
        "median ms/frame": round(float(np.median(seconds)) / frames * 1000, 2),
        "picture covered": round(float(covered.mean()), 3),
        "figure pixels/s": round(float((covered * height * width).sum() * frames / seconds.sum())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--characters", type=int, default=24)
    parser.add_argument("--against", type=Path, help="sources of another version")
    options = parser.parse_args()
    folders = {"this": ROOT, **({"other": options.against} if options.against else {})}
    workers = {name: _worker(folder) for name, folder in folders.items()}
    for worker in workers.values():
        _draw(worker, 0)
    rows: dict[str, list[list[float]]] = {name: [] for name in workers}
    for seed in range(1, options.characters + 1):
        tries = [{name: _draw(worker, seed) for name, worker in workers.items()}
                 for _ in range(REPEATS)]  # fmt: skip
        for name in workers:
            rows[name].append(min(drawn[name] for drawn in tries))
    figures: dict[str, float | bool] = {}
    for name, worker in workers.items():
        assert worker.stdin is not None
        worker.stdin.close()
        worker.wait()
        figures |= {f"{name}: {what}": value for what, value in _figures(rows[name]).items()}
    for name, value in figures.items():
        print(f"{name:32}{value:12}")
    figures["pass"] = bool(figures["this: frames/s per core"] >= GOAL)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
