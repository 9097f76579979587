"""Measure how well poses are tracked, on dancers whose every joint is known.

python scripts/bench_pose_accuracy.py              # the standard set and the hard ones
python scripts/bench_pose_accuracy.py --full       # twice as many standard clips
python scripts/bench_pose_accuracy.py --only hold  # some clips, by name

The clips are rendered by animate.training.synthetic with a camera's noise, stored as H.264, kept
under build/, and tracked as a user would: pose.track(file), once with smooth=0 and once as by
default. Only the standard set is judged: whole figures that face the camera within 60 degrees.
The hard ones are reported. What each figure means is said in accuracy/measure.py. The last line
is one JSON object with the standard set's figures and "pass".
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from accuracy.films import prepare  # noqa: E402
from accuracy.measure import GROUPS, Samples, measure  # noqa: E402
from accuracy.shots import HARD, MORE, STANDARD  # noqa: E402

from pose import NoPersonError, PoseSequence, track  # noqa: E402

GOALS = {"body": 0.045, "fingertips": 0.07, "hands found": 0.98, "jitter cut": 0.60}
PERCENT = (
    "body", *GROUPS, "hand", "fingertips", "hidden fingertips", "body found",
    "left hand found", "right hand found", "hands found", "face found", "hidden hands",
    "mixed-up sides",
)  # fmt: skip


def main() -> None:
    options = _options()
    shots = STANDARD + (MORE if options.full else ()) + HARD
    if options.only:
        shots = tuple(shot for shot in shots if shot.name in options.only)
    clips = prepare(shots, options.folder)
    raw: dict[str, list[Samples]] = {}
    calm: dict[str, list[Samples]] = {}
    start, frames = time.perf_counter(), 0
    for shot, film, truth in clips:
        results = [measure(_tracked(film, smooth), truth) for smooth in (0.0, None)]
        for kept, result in zip((raw, calm), results, strict=True):
            for name in (shot.group, *([f"  {shot.name}"] if options.clips else [])):
                kept.setdefault(name, []).append(result)
        frames += 2 * len(truth.pixels)
    seconds = time.perf_counter() - start
    _print_table(raw, calm)
    print(f"\n{frames} frames tracked, {frames / seconds:.1f} a second")
    if "standard" in raw:
        print(json.dumps(_verdict(raw["standard"], calm["standard"])))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help="more clips in the standard set")
    parser.add_argument("--only", nargs="*", metavar="CLIP", help="only these clips")
    parser.add_argument("--clips", action="store_true", help="a column for every clip, too")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "pose_accuracy")
    return parser.parse_args()


def _tracked(film: Path, smooth: float | None) -> PoseSequence:
    settings = {} if smooth is None else {"smooth": smooth}
    try:
        return track(film, backend="mediapipe", **settings)
    except NoPersonError:
        return PoseSequence.empty((1, 1), 0)


def figures(raw: list[Samples], calm: list[Samples]) -> dict[str, float]:
    """The figures of a set: as parts of a torso or a hand, or of the frames."""
    plain, smooth = Samples.joined(raw), Samples.joined(calm)
    result = {name: smooth.mean(name) for name in PERCENT}
    result |= {f"{name}, unsmoothed": plain.mean(name) for name in ("body", "fingertips")}
    result |= {"jitter, unsmoothed": plain.rms("jitter"), "jitter": smooth.rms("jitter")}
    result["jitter cut"] = 1 - result["jitter"] / result["jitter, unsmoothed"]
    result["fast moves, unsmoothed"] = plain.mean("fast moves")
    result["fast moves"] = smooth.mean("fast moves")
    return result


def _print_table(raw: dict[str, list[Samples]], calm: dict[str, list[Samples]]) -> None:
    columns = {name: figures(raw[name], calm[name]) for name in raw}
    print(f"\n{'percent':<24}" + "".join(f"{name[:12]:>14}" for name in columns) + f"{'goal':>10}")
    for row in next(iter(columns.values())):
        goal = f"{GOALS[row] * 100:>10.1f}" if row in GOALS else ""
        print(f"{row:<24}" + "".join(f"{c[row] * 100:>14.2f}" for c in columns.values()) + goal)


def _verdict(raw: list[Samples], calm: list[Samples]) -> dict[str, float | bool]:
    found = figures(raw, calm)
    passed = (
        found["body"] <= GOALS["body"]
        and found["fingertips"] <= GOALS["fingertips"]
        and min(found["left hand found"], found["right hand found"]) >= GOALS["hands found"]
        and found["jitter cut"] >= GOALS["jitter cut"]
        and found["fast moves"] <= found["fast moves, unsmoothed"]
    )
    known = {name: round(value, 5) for name, value in found.items() if np.isfinite(value)}
    return {**known, "pass": bool(passed)}


if __name__ == "__main__":
    main()
