"""Does the judge tell good clips from bad ones? Every case on one page, and the limits' margins.

python scripts/bench_judge.py                           # the sample's clips
python scripts/bench_judge.py --also /path/dance.mp4    # and another driving clip of a real person

Made once and kept under build/judge: the samples animated by the embedded model, with control and
without. Cases with a known answer are the driving clip itself shrunk to 128 pixels (nothing is
wrong with it), and spoilt ones: frames shuffled or backwards, late by 4 frames, another character,
a picture that flickers, colours that drift, no control, another motion. The last line is one
JSON object; "pass": the judge calls every flawless clip good, and finds fault with every spoilt
one in the figure that was spoilt.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import animate  # noqa: E402
from animate.judge import Case, Evaluation, judge  # noqa: E402
from animate.judge.films import body_of  # noqa: E402
from pose import PoseSequence, load_image, open_video, track_cached  # noqa: E402

Frames = NDArray[np.uint8]

SHORT_SIDE = 128  # of the shrunk clips, as of the embedded model's
LATE = 4  # frames
FLICKER, DRIFT = 12.0, 40.0  # grey levels from frame to frame, and from start to end
COLUMNS = {
    "body": "motion.body", "found": "motion.found", "lag": "motion.lag",
    "swapped": "motion.swapped", "L rec": "motion.left.recall", "L pck": "motion.left.pck",
    "R rec": "motion.right.recall", "R pck": "motion.right.pck", "colour": "identity.colour",
    "overlap": "identity.overlap", "detail": "identity.texture", "flicker": "steadiness.flicker",
    "drift": "steadiness.drift",
}  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """A clip before the judge; `fault` is the figure that must be found bad, "" for none, None
    where nothing is known beforehand."""

    name: str
    frames: Frames
    expected: PoseSequence
    picture: Frames
    fault: str | None = None


def main() -> int:
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, float | str | None]] = {}
    passed = True
    print(f"{'clip':<34}" + "".join(f"{name:>8}" for name in COLUMNS) + "  verdict")
    for trial in _trials(options):
        found = _judged(trial)
        row = {name: _value(found, path) for name, path in COLUMNS.items()}
        faults = {finding.figure for finding in found.findings}
        right = trial.fault is None or (trial.fault in faults if trial.fault else not faults)
        passed &= right
        told = "".join(f"{'-' if v is None else format(v, '.2f'):>8}" for v in row.values())
        print(f"{trial.name:<34}{told}  {found.verdict}{'' if right else '  WRONG'}", flush=True)
        rows[trial.name] = {**row, "verdict": found.verdict}
    print(json.dumps({"clips": rows, "pass": bool(passed)}))
    return 0 if passed else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--also", type=Path, metavar="VIDEO", help="another driving clip")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "judge")
    return parser.parse_args()


def _trials(options: argparse.Namespace) -> Iterator[Trial]:
    dance, hero = ROOT / "samples" / "dance.mp4", ROOT / "samples" / "hero.png"
    motion, _ = track_cached(dance)
    picture = load_image(hero)
    film, own = _shrunk(dance)
    yield Trial("the clip itself, 128 px", film, motion, own, "")
    yield from _spoilt(film, motion, own)
    yield Trial("... another character's", film, motion, picture, "identity.colour")
    made = _animated(options.folder, dance, hero, 1.0)
    yield Trial("embedded model", made, motion, picture)
    off = _animated(options.folder, dance, hero, 0.0)
    yield Trial("embedded model, control 0", off, motion, picture, "motion.body")
    if options.also is None:
        return
    other, _ = track_cached(options.also)
    film, own = _shrunk(options.also)
    yield Trial("second clip itself, 128 px", film, other, own, "")
    yield Trial("second clip, first one's motion", film, motion, own, "motion.body")
    mine = _animated(options.folder, options.also, hero, 1.0)
    yield Trial("embedded model, second clip", mine, other, picture)
    yield Trial("... with the first one's motion", mine, motion, picture, "motion.body")
    yield Trial("embedded, second one's motion", made, other, picture, "motion.body")


def _spoilt(film: Frames, motion: PoseSequence, own: Frames) -> Iterator[Trial]:
    """The flawless clip with one thing wrong."""
    order = np.random.default_rng(0).permutation(len(film))
    yield Trial("... shuffled", film[order], motion, own, "motion.body")
    yield Trial("... backwards", film[::-1], motion, own, "motion.body")
    late = np.concatenate([film[:1].repeat(LATE, axis=0), film[:-LATE]])
    yield Trial(f"... {LATE} frames late", late, motion, own, "motion.lag")
    signs = np.random.default_rng(1).choice([-1.0, 1.0], len(film))
    yield Trial("... flickering", _lit(film, FLICKER * signs), motion, own, "steadiness.flicker")
    rise = np.linspace(0.0, DRIFT, len(film))
    yield Trial("... drifting", _lit(film, rise), motion, own, "steadiness.drift")


def _judged(trial: Trial) -> Evaluation:
    from animate.config import Settings

    return judge(
        Case(
            film=trial.frames,
            frames=len(trial.frames),
            expected=trial.expected,
            picture=trial.picture,
            body=body_of(trial.picture, Settings()),
        )
    )


def _shrunk(path: Path) -> tuple[Frames, Frames]:
    """A clip at SHORT_SIDE pixels, and its first frame as it is."""
    clip = open_video(path)
    scale = SHORT_SIDE / min(clip.size)
    size = (round(clip.size[0] * scale), round(clip.size[1] * scale))
    small = [np.asarray(Image.fromarray(frame).resize(size)) for frame in clip]
    return np.stack(small), next(iter(clip)).copy()


def _animated(folder: Path, driving: Path, ref: Path, scale: float) -> Frames:
    """What the embedded model makes of it, from a file if it was made before."""
    path = folder / f"{driving.stem}_{ref.stem}_{scale:g}.mp4"
    if not path.is_file():
        animate.animate(driving, ref, model="mini", control_scale=scale).save(path)
    return np.stack([frame.copy() for frame in open_video(path)])


def _lit(film: Frames, light: NDArray[np.float64]) -> Frames:
    """Every frame made lighter by so many grey levels."""
    return (film + light[:, None, None, None]).clip(0, 255).round().astype(np.uint8)


def _value(found: Evaluation, path: str) -> float | None:
    value: object = found
    for name in path.split("."):
        value = getattr(value, name, None)
    return None if value is None else float(value)  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
