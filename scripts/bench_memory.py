"""Is memory flat in clip length? Peak memory of whole runs of the command at several lengths.

python scripts/bench_memory.py [--frames 48,480,2400] [--model mini] [--steps N] [--device cpu]

The sample's dance, tracked once and played there and back until it is long enough, is the
keypoint file that drives each run. Every run is a process of its own, and writes its video with a
journal beside it. Printed for each length:
  main      peak resident memory of the command in MiB (Linux: VmHWM; getrusage would count what
            the starting process held)
  ffmpeg    the same of the encoder
  GPU       peak memory allocated on the GPU in MiB, where the model runs on one
The last line is a JSON object; "pass": the longest clip takes at most 1.15 times the memory of
the shortest, and so does the GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

MOST = 1.15
MIB = 1 << 20
POLL = 0.05  # seconds between looks at the started processes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", default="48,480,2400", help="lengths, the shortest first")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--one", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        return run_one(asked.one)
    lengths = [int(number) for number in asked.frames.split(",")]
    words = ["--model", asked.model, "--device", asked.device]
    words += [] if asked.steps is None else ["--steps", str(asked.steps)]
    print(f"{'frames':>7} {'main':>8} {'ffmpeg':>8} {'GPU':>8} {'s':>7}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(frames, words, Path(folder)) for frames in lengths]
    ratios = {
        name: rows[-1][name] / rows[0][name] if rows[0][name] else 1.0
        for name in ("main", "ffmpeg", "gpu")
    }
    passed = all(ratio <= MOST for ratio in ratios.values())
    print(json.dumps({"runs": rows, "ratios": ratios, "most": MOST, "pass": passed}))
    return 0 if passed else 1


def measure(frames: int, words: list[str], folder: Path) -> dict[str, float]:
    """Peak memory in MiB of one run, and its seconds."""
    keypoints, output = folder / f"{frames}.npz", folder / f"{frames}.mp4"
    write_keypoints(keypoints, frames)
    reference = str(ROOT / "samples" / "hero.png")
    command = [str(keypoints), "--ref", reference, "-o", str(output), "--quiet", *words]
    start, largest = time.monotonic(), 0.0
    with subprocess.Popen(
        [sys.executable, __file__, "--one", *command], stdout=subprocess.PIPE, text=True
    ) as run:
        while run.poll() is None:
            largest = max([largest, *map(high_water, encoders(run.pid))])
            time.sleep(POLL)
        told = run.stdout.read() if run.stdout else ""
    if run.returncode:
        raise SystemExit(f"the run with {frames} frames failed")
    row = {"frames": frames, **json.loads(told.splitlines()[-1]), "ffmpeg": largest}
    row["seconds"] = time.monotonic() - start
    print(
        f"{frames:>7} {row['main']:>8.0f} {row['ffmpeg']:>8.0f} {row['gpu']:>8.0f} "
        f"{row['seconds']:>7.1f}",
        flush=True,
    )
    return row


def write_keypoints(path: Path, frames: int) -> None:
    """The sample's dance there and back, as often as it takes."""
    from animate.config import Settings
    from animate.driving import find_poses, open_driving
    from animate.progress import ignore
    from pose.files import save_poses

    poses = find_poses(open_driving(ROOT / "samples" / "dance.mp4", Settings()), Settings(), ignore)
    order = np.resize([*range(len(poses)), *range(len(poses) - 2, 0, -1)], frames)
    looped = poses.take(order, poses.fps)
    looped.times[:] = np.arange(frames) / poses.fps
    save_poses(path, looped)


def run_one(words: list[str]) -> int:
    """Run the command in this process and tell the peaks."""
    from animate.cli import main as command

    code = command(words)
    import torch

    gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    print(json.dumps({"main": high_water("self"), "gpu": gpu / MIB}))
    return code


def high_water(process: int | str) -> float:
    """Peak resident memory in MiB; 0 of a process that has ended."""
    return int(_status(process).get("VmHWM", "0 kB").split()[0]) / 1024


def encoders(process: int) -> list[int]:
    """The processes running ffmpeg that a process has started."""
    started: list[int] = []
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            started += map(int, listed.read_text().split())
    # Until it runs the encoder, a new process shows the memory of the one that started it.
    return [one for one in started if _status(one).get("Name", "").startswith("ffmpeg")]


def _status(process: int | str) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


if __name__ == "__main__":
    sys.exit(main())
