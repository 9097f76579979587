"""How much faster is a batch than single runs one after the other?

python scripts/bench_batch.py                # 20 jobs on the samples, with the embedded model
python scripts/bench_batch.py --jobs 8 --singles 3

Small jobs: 8 frames of 64x96, 1 step, judged, all of one film and reference but with other seeds.
Single runs are the plain command; their time is the median of some (all unless --singles says
fewer) times the number of jobs. Neither side finds poses in a cache from before; single runs share
theirs from one to the next, as users' do. Half of the single runs come before the batch and half
after it, as other work on the machine comes and goes. The last line is one JSON object; "pass": at
least 3 times faster, and the same files.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DRIVING, REF = ROOT / "samples" / "dance.mp4", ROOT / "samples" / "hero.png"
SMALL = {"frames": 8, "steps": 1, "size": "64x96"}
GOAL = 3.0  # times faster


def run(folder: Path, *words: object) -> float:
    """Seconds of the command."""
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "ANIMATE_CACHE": str(folder / "cache")
    }  # fmt: skip
    start = time.perf_counter()
    command = [sys.executable, "-m", "animate", *map(str, words)]
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def single(folder: Path, seed: int) -> float:
    """Seconds of one plain run."""
    options = [word for name, value in SMALL.items() for word in (f"--{name}", value)]
    output = folder / f"single_{seed}.mp4"
    return run(folder, DRIVING, "--ref", REF, "-o", output, "--seed", seed, *options)


def batch(folder: Path, jobs: int) -> float:
    """Seconds of a batch."""
    rows = [
        {"driving": str(DRIVING), "ref": str(REF), "out": f"batch_{seed}.mp4", "seed": seed}
        for seed in range(jobs)
    ]
    listed = folder / "jobs.jsonl"
    lines = [{"defaults": SMALL}, *rows]
    listed.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run(folder, "batch", listed)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--singles", type=int, help="single runs that are timed (all)")
    arguments = parser.parse_args()
    jobs, wanted = arguments.jobs, arguments.singles or arguments.jobs
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        seconds = [single(Path(one), seed) for seed in range(wanted // 2)]
        together = batch(Path(other), jobs)
        seconds += [single(Path(one), seed) for seed in range(wanted // 2, wanted)]
        same = all(
            (Path(one) / f"single_{seed}.mp4").read_bytes()
            == (Path(other) / f"batch_{seed}.mp4").read_bytes()
            for seed in range(min(wanted, jobs))
        )
    apart = statistics.median(seconds) * jobs
    ratio = apart / together
    print(f"single run: median {statistics.median(seconds):.1f} s of {wanted}")
    print(f"{jobs} jobs: {apart:.0f} s one after the other, {together:.0f} s as a batch")
    print(f"{ratio:.1f} times faster; files equal byte for byte: {same}")
    told = {
        "jobs": jobs, "single_median": round(statistics.median(seconds), 2),
        "batch": round(together, 2), "ratio": round(ratio, 2), "equal": same,
        "pass": ratio >= GOAL and same,
    }  # fmt: skip
    print(json.dumps(told))
    return 0 if told["pass"] else 1


if __name__ == "__main__":
    sys.exit(main())
