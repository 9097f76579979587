"""Time tracking from file to poses beside the plain loop over the same film, and its memory.

python scripts/bench_pose.py            # table, then one JSON object as the last line

The plain loop reads a frame with OpenCV, shows it to MediaPipe's Holistic, and keeps the result.
Ours is `pose.track` with all it does besides: looking for further persons, repairing and smoothing;
"with pictures" also draws every skeleton in the official look. Each run is a program of its own
whose start counts; the ways take turns, so that a busy machine slows all of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILMS = (ROOT.parent / "shared" / "data" / "dance_a.mp4", ROOT / "samples" / "dance.mp4")
SIZE = (576, 1024)
SHORT, LONG = 10.0, 60.0  # seconds of film
GOAL = 1.4  # times the plain loop's speed, on two cores
FLAT = 1.15  # times the short film's memory for the long one
POLL = 0.05  # seconds between looks at the memory


def main() -> None:
    options = _options()
    if options.run:
        return {"plain": plain, "ours": ours, "drawn": drawn}[options.run](options.film)
    with tempfile.TemporaryDirectory() as folder:
        short = _film(Path(folder) / "short.mp4", SHORT)
        ways = ("plain", "ours", "drawn")
        runs = {way: [] for way in ways}
        for _ in range(options.repeats):
            for way in ways:
                runs[way].append(_measure(way, short))
        seconds = {way: statistics.median(run[0] for run in runs[way]) for way in ways}
        memory = {way: statistics.median(run[1] for run in runs[way]) for way in ways}
        long = (
            0.0 if options.no_long else _measure("ours", _film(short.with_name("l.mp4"), LONG))[1]
        )
        figures = _report(_count(short), seconds, memory, long)
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=3, help="runs of every way (default: 3)")
    parser.add_argument("--no-long", action="store_true", help="leave out the long film")
    parser.add_argument("--run", choices=("plain", "ours", "drawn"), help=argparse.SUPPRESS)
    parser.add_argument("--film", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def plain(film: Path) -> None:
    """What everybody writes first."""
    import cv2
    import mediapipe

    capture = cv2.VideoCapture(str(film))
    found = []
    with mediapipe.solutions.holistic.Holistic(model_complexity=1) as holistic:
        while True:
            more, frame = capture.read()
            if not more:
                break
            found.append(holistic.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)))


def ours(film: Path) -> Any:
    from pose import track

    return track(film, backend="mediapipe")


def drawn(film: Path) -> None:
    from pose import draw

    poses = ours(film)
    for number in range(len(poses)):
        draw(*poses.frame(number), poses.size)


def _film(path: Path, seconds: float) -> Path:
    """A dancer, looped to this length."""
    import imageio_ffmpeg

    source = next(film for film in FILMS if film.is_file())
    scale = f"scale={SIZE[0]}:{SIZE[1]}"
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-stream_loop", "-1",
         "-i", str(source), "-an", "-vf", scale, "-t", str(seconds), "-preset", "veryfast",
         "-pix_fmt", "yuv420p", str(path)],
        check=True,
    )  # fmt: skip
    return path


def _count(film: Path) -> int:
    sys.path.insert(0, str(ROOT))
    from pose import probe

    return probe(film).frames


def _measure(way: str, film: Path) -> tuple[float, float]:
    """Seconds, and the peak memory of all its processes together in megabytes."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, __file__, "--run", way, "--film", str(film)],
        stderr=subprocess.DEVNULL,
        env=_environment(),
    )
    peaks = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peaks), daemon=True)
    watcher.start()
    code = process.wait()
    seconds = time.perf_counter() - start
    watcher.join()
    if code:
        raise SystemExit(f"the run {way!r} failed with exit code {code}")
    print(f"{way:<8}{seconds:8.2f} s{max(peaks):8.0f} MB", file=sys.stderr, flush=True)
    return seconds, max(peaks)


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _watch(process: subprocess.Popen[bytes], peaks: list[float]) -> None:
    while process.poll() is None:
        peaks.append(_memory(process.pid))
        time.sleep(POLL)


def _memory(root: int) -> float:
    """Resident megabytes of a process and its descendants (Linux; else 0)."""
    parents: dict[int, int] = {}
    resident: dict[int, float] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except (OSError, ValueError):  # it has just ended
            continue
        number = int(status.parent.name)
        parents[number] = int(lines["PPid"])
        resident[number] = int(lines.get("VmRSS", "0 kB").split()[0]) / 1024
    family = {root}
    for _ in range(3):
        family |= {number for number, parent in parents.items() if parent in family}
    return sum(resident.get(number, 0.0) for number in family)


def _report(
    frames: int, seconds: dict[str, float], memory: dict[str, float], long: float
) -> dict[str, float | bool]:
    figures: dict[str, float | bool] = {"frames": frames}
    print(f"{frames} frames {'x'.join(map(str, SIZE))}, {SHORT:.0f} s, medians")
    print(f"{'way':<24}{'seconds':>9}{'frames/s':>10}{'ratio':>8}{'peak MB':>9}")
    names = {"plain": "plain loop", "ours": "ours", "drawn": "ours, with pictures"}
    for way, name in names.items():
        rate, ratio = frames / seconds[way], seconds["plain"] / seconds[way]
        print(f"{name:<24}{seconds[way]:>9.2f}{rate:>10.1f}{ratio:>8.2f}{memory[way]:>9.0f}")
        figures |= {f"{way}_fps": round(rate, 2), f"{way}_ratio": round(ratio, 3)}
        figures[f"{way}_mb"] = round(memory[way])
    flat = long / memory["ours"] if memory["ours"] else 0.0
    print(f"memory for {LONG:.0f} s: {long:.0f} MB, {flat:.2f} times that for {SHORT:.0f} s")
    figures["long_memory_ratio"] = round(flat, 3)
    figures["pass"] = figures["ours_ratio"] >= GOAL and flat <= FLAT
    return figures


if __name__ == "__main__":
    main()
