"""How good is the embedded animator on what it never saw? All figures of one model on one page.

python scripts/bench_mini.py                            # held-out synthetic characters and motions
python scripts/bench_mini.py --also /path/dance.mp4     # and a real clip driving samples/hero.png
python scripts/bench_mini.py --model build/mini/weights --trials 8

Held out are characters and motions of seeds far from those of training. Printed beside the goals
for a model trained on a CPU or on a GPU; "copy" is the reference in place of every frame, "draft"
the reference bent into each pose, which the model is shown, "off" the same model without control.
The closed loop tracks the results again; "truth" is what the tracker makes of the true frames. The
last line is one JSON object; "pass": all goals that were measured are met. A picture of the first
trials is written beside.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import animate  # noqa: E402
from animate.config import DEFAULTS  # noqa: E402
from animate.judge import evaluate_run  # noqa: E402
from animate.mini import FOLDER  # noqa: E402
from animate.pipelines.video import ControlNeXtVideoPipeline  # noqa: E402
from animate.training.data import to_share  # noqa: E402
from animate.training.held_out import Trial, closed_loop, figures, run_trials, sheet  # noqa: E402
from pose import load_image  # noqa: E402

REFERENCE = ROOT / "samples" / "hero.png"
LONG = 96  # frames of the timed clip
AT_LEAST, AT_MOST = 1, -1
# Figure: its name in words, which way is better, goals for a model trained on a CPU and on a GPU.
GOALS: dict[str, tuple[str, int, float, float]] = {
    "side": ("native size, short side in pixels", AT_LEAST, 128, 256),
    "psnr": ("PSNR of the figure, dB", AT_LEAST, 21.5, 25.0),
    "iou": ("IoU with the exact silhouette", AT_LEAST, 0.88, 0.91),
    "body": ("closed loop, body PCK@0.1", AT_LEAST, 0.92, 0.96),
    "hand_recall": ("closed loop, hands found", AT_LEAST, 0.0, 0.6),
    "hand_pck": ("closed loop, hands PCK@0.5", AT_LEAST, 0.0, 0.75),
    "real_body": ("closed loop with a real clip, body PCK@0.1", AT_LEAST, 0.75, 0.88),
    "flicker": ("flicker of the background, times the truth's", AT_MOST, 1.5, 1.2),
    "seconds": (f"{LONG} frames at native size, s", AT_MOST, 60.0, 120.0),
}


def main() -> int:
    options = _options()
    torch.set_num_threads(options.threads)
    pipeline = ControlNeXtVideoPipeline.from_pretrained(options.model, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    settings: dict[str, Any] = {
        "num_inference_steps": options.steps or DEFAULTS["soft"].steps,
        "min_guidance_scale": 1.0,
        "max_guidance_scale": 1.0,
    }
    trials = run_trials(pipeline, options.trials, progress=_count, **settings)
    found = {"side": float(min(min(trial.truth.shape[1:3]) for trial in trials))}
    found |= figures(trials)
    found |= closed_loop(trials, by_tracker=True)
    found["body_draft"] = closed_loop(trials, lambda trial: trial.drafts, by_tracker=True)["body"]
    found["body_truth"] = closed_loop(trials, lambda trial: trial.truth)["body"]
    found["body_control_off"] = closed_loop(trials, lambda trial: trial.off, by_tracker=True)[
        "body"
    ]
    found["seconds"] = statistics.median(_time(pipeline, trials[0], settings) for _ in range(3))
    if options.also:
        found["real_body"] = _real(options.also, options.model)
    passed = _print(found, options.goals)
    print(
        f"body in the {found['readable_trials']:.0f} trials whose true film the tracker reads: "
        f"{found['readable']:.3f}"
    )
    _draw(trials, options.sheet)
    known = {name: round(value, 3) for name, value in found.items() if math.isfinite(value)}
    print(json.dumps({**known, "trials": len(trials), "goals": options.goals, "pass": passed}))
    return 0 if passed else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=FOLDER)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--steps", type=int, help="of sampling (default: the model's)")
    parser.add_argument("--also", type=Path, help="a real clip that drives samples/hero.png")
    parser.add_argument("--goals", choices=("cpu", "gpu"), default="cpu", help="trained on")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sheet", type=Path, default=ROOT / "build" / "mini" / "held_out.png")
    options = parser.parse_args()
    if options.also and not options.also.is_file():
        parser.error(f"--also {options.also}: no such file")
    return options


def _count(done: int, total: int) -> None:
    print(f"\r{done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _time(pipeline: Any, trial: Trial, settings: dict[str, Any]) -> float:
    """Seconds for a long clip at the trial's size, denoised and decoded, the model loaded."""
    height, width = trial.truth.shape[1:3]
    control, drafts = (
        to_share(torch.from_numpy(np.resize(shown, (LONG, height, width, 3))))
        for shown in (trial.skeleton, trial.drafts)
    )
    defaults = DEFAULTS["soft"]
    start = time.monotonic()
    pipeline(
        Image.fromarray(trial.reference),
        control,
        drafts=drafts,
        height=height,
        width=width,
        window=defaults.window,
        blend=defaults.blend,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
        **settings,
    )
    return time.monotonic() - start


def _real(clip: Path, model: Path) -> float:
    """The body's share of right joints in the sample's hero driven by a clip."""
    result = animate.animate(clip, REFERENCE, model=str(model), device="cpu")
    body = evaluate_run(result, load_image(REFERENCE)).motion
    return float("nan") if body is None or body.body is None else body.body


def _print(found: dict[str, float], goals: str) -> bool:
    """The table; whether everything measured that has a goal meets it."""
    passed = True
    print(f"{'':<46}{'result':>9}{'goal':>9}{'copy':>9}{'draft':>9}{'off':>9}{'truth':>9}")
    for name, (words, better, *wanted) in GOALS.items():
        value, goal = found.get(name, math.nan), wanted[goals == "gpu"]
        met = not math.isfinite(value) or better * (value - goal) >= 0
        passed &= met
        others = [
            found.get(f"{name}_{kind}", math.nan)
            for kind in ("copy", "draft", "control_off", "truth")
        ]
        cells = "".join(_cell(number) for number in (value, goal, *others))
        print(f"{words:<46}{cells}{'' if met else '  not met'}")
    return passed


def _cell(value: float) -> str:
    return f"{value:>9.3g}" if math.isfinite(value) else f"{'-':>9}"


def _draw(trials: list[Trial], path: Path) -> None:
    alike = [trial for trial in trials if trial.truth.shape == trials[0].truth.shape][:6]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet(alike)).save(path)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=FutureWarning)
    sys.exit(main())
