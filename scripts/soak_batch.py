"""Does a batch lose or repeat anything while its workers are killed all the time?

python scripts/soak_batch.py                         # 200 jobs, a kill every 6 s
python scripts/soak_batch.py --jobs 40 --every 10    # on a busy machine

Mini jobs (a tiny random model, 3 frames, 1 step) on two local workers; a random one is killed with
SIGKILL again and again, and once the whole batch is, after which the same command goes on. The
last line is one JSON object; "pass": every result is there and can be read to its end, none was
written twice, and the memory of the batch's own process grew by less than 5 % and 20 MB over its
second half.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pose.video import open_video  # noqa: E402

DRIVING, REF = ROOT / "samples" / "dance.mp4", ROOT / "samples" / "hero.png"
GROWTH, FLOOR = 1.05, 20.0  # of the second half's memory over its start; MB that are noise
POLL = 0.2  # seconds


def tiny_model(folder: Path) -> Path:
    """A complete model with random weights, as the tests use it."""
    program = (
        "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', "
        "'--import-mode=importlib', sys.argv[1]]))"
    )
    test = folder / "test_make.py"
    test.write_text(
        "import shutil\n"
        "def test_make(tiny_model):\n"
        f"    shutil.copytree(tiny_model, {str(folder / 'tiny')!r})\n"
    )
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-c", program, str(test)],
        cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return folder / "tiny"


def write_jobs(folder: Path, model: Path, jobs: int) -> Path:
    """A list of jobs that differ in their seeds."""
    defaults = {
        "driving": str(DRIVING), "ref": str(REF), "model": str(model), "size": "64x96",
        "frames": 3, "steps": 1, "device": "cpu", "eval": False,
    }  # fmt: skip
    rows = [{"defaults": defaults}, *({"out": f"out/{n}.mp4", "seed": n} for n in range(jobs))]
    path = folder / "soak.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def workers_of(process: int) -> list[int]:
    """The worker processes that a batch has started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process and b"engines.process" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def memory_of(process: int) -> float:
    """Resident megabytes."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
    return 0.0


class Soak:
    """One batch under fire."""

    def __init__(self, folder: Path, listed: Path, every: float) -> None:
        self.folder, self.listed, self.every = folder, listed, every
        self.kills = 0
        self.restarts = 0
        self.memory: list[float] = []
        self.names: Counter[str] = Counter()
        self._seen: dict[str, int] = {}

    def run(self, jobs: int, seconds: float) -> int:
        """Until the command ends by itself; its exit code."""
        process, end = self._start(), time.monotonic() + seconds
        due = time.monotonic() + self.every
        while process.poll() is None:
            time.sleep(POLL)
            self._look(process.pid)
            done = len(self._seen)
            if done >= jobs // 2 and not self.restarts:
                process.kill()
                process.wait()
                process, self.restarts = self._start(), 1
                self.memory.clear()
            elif time.monotonic() > due:
                due = time.monotonic() + random.uniform(0.5, 1.5) * self.every
                workers = workers_of(process.pid)
                if workers:
                    self.kills += 1
                    with suppress(ProcessLookupError):
                        os.kill(random.choice(workers), signal.SIGKILL)
            if time.monotonic() > end:
                process.kill()
                process.wait()
                return -1
        self._look(process.pid)
        return process.returncode

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "animate", "batch", str(self.listed), "--workers=2",
             "--cores=1", "--quiet"],
            cwd=self.folder, env=environment,
        )  # fmt: skip

    def _look(self, process: int) -> None:
        """Count each time that a result appears or is replaced."""
        for path in (self.folder / "out").glob("[!.]*.mp4"):
            with suppress(OSError):
                inode = path.stat().st_ino
                if self._seen.get(path.name) != inode:
                    self._seen[path.name] = inode
                    self.names[path.name] += 1
        memory = memory_of(process)
        if memory:
            self.memory.append(memory)


def whole(folder: Path) -> Iterator[bool]:
    """For each result, whether it can be read to its end."""
    for path in folder.glob("[!.]*.mp4"):
        yield sum(1 for _ in open_video(path)) == 3


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--every", type=float, default=6.0, help="seconds between two kills")
    parser.add_argument("--seconds", type=float, default=3600.0, help="give up after so many")
    arguments = parser.parse_args()
    random.seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed = write_jobs(folder, tiny_model(folder), arguments.jobs)
        start = time.monotonic()
        soak = Soak(folder, listed, arguments.every)
        code = soak.run(arguments.jobs, arguments.seconds)
        seconds = time.monotonic() - start
        good = sum(whole(folder / "out"))
    half = soak.memory[len(soak.memory) // 2 :] or [0.0]
    tenth = max(1, len(half) // 10)
    first, last = (statistics.median(part) for part in (half[:tenth], half[-tenth:]))
    twice = sum(times > 1 for times in soak.names.values())
    flat = last < max(first * GROWTH, first + FLOOR)
    print(f"{arguments.jobs} jobs in {seconds:.0f} s, {soak.kills} workers and the batch killed")
    print(f"{good} whole, {twice} written twice; exit code {code}")
    print(f"memory of the batch's process: {first:.0f} MB, at the end {last:.0f} MB")
    told = {
        "jobs": arguments.jobs, "whole": good, "twice": twice, "kills": soak.kills,
        "seconds": round(seconds), "memory_mb": [round(first), round(last)],
        "pass": code == 0 and good == arguments.jobs and not twice and flat,
    }  # fmt: skip
    print(json.dumps(told))
    return 0 if told["pass"] else 1


if __name__ == "__main__":
    sys.exit(main())
