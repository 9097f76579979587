"""How soon ControlNeXt and ControlNet steer: both trained from nothing on the same small base.

    python scripts/bench_convergence.py [--steps 400] [--every 50] [--rates 3e-4 1e-3]

The paper (arXiv 2408.06070) says that ControlNeXt begins to steer after some 400 steps, where
ControlNet takes ten times that. Here a fresh part of each kind learns Canny edges beside the
embedded picture model, from the same samples in the same order, at several learning rates of which
each way's best counts. "followed": which share of the way from no control to the truth the edges
of held-out portraits have gone (F1 within 2 pixels, as in bench_image_control.py).

What this cannot say: how it is at full size. The base is tiny and was trained together with other
encoders of ControlNeXt's kind, at another place of the UNet, so that it knows added features.
The last line is one JSON object; "pass": ControlNeXt first follows half of the way in fewer steps
than ControlNet, or alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from animate.annotators.registry import open_annotator  # noqa: E402
from animate.pipelines.image import Control, steered  # noqa: E402
from animate.still_models import find_base  # noqa: E402
from animate.training.adherence import closed, edge_f1  # noqa: E402
from animate.training.loop import train  # noqa: E402
from animate.training.portrait_source import MapSource  # noqa: E402
from animate.training.portrait_trials import Case, held_out  # noqa: E402
from animate.training.portraits import render_portraits  # noqa: E402
from animate.training.settings import (  # noqa: E402
    ExportSettings,
    LoopSettings,
    ModelSettings,
    StillLoss,
)
from animate.training.still_models import build_still_task  # noqa: E402
from animate.training.stills import StillTask  # noqa: E402
from animate.training.truth_maps import truth_map  # noqa: E402

KIND = "canny"
WAYS = ("controlnext", "controlnet")
FIRST_SEED, SHEETS = 6_000_000, 60  # far from those of other trainings and from the held-out
FOLLOWED = 0.5  # of the way: from where on a part is said to steer
SAMPLING, NOISE_SEED = 12, 5


class Follows:
    """Looks at a run: which share of the way to the given edges its pictures go."""

    def __init__(self, task: StillTask, cases: list[Case]) -> None:
        self.task, self.cases = task, cases
        self.edges = open_annotator(KIND)
        self.off = self._score(0.0)
        self.curve: list[float] = []

    def __call__(self, folder: Path) -> Mapping[str, float]:
        """See ``Preview``."""
        self.curve.append(round(closed(self.off, self._score(1.0), 1.0), 3))
        return {"followed": self.curve[-1]}

    def _score(self, scale: float) -> float:
        return float(np.mean([self._f1(case, scale) for case in self.cases]))

    @torch.no_grad()
    def _f1(self, case: Case, scale: float) -> float:
        portraits, index = case
        given = truth_map(KIND, portraits, index)
        pipeline = self.task.pipeline
        control = Control(part=self.task.part, picture=given, scale=scale)
        with steered(pipeline, control):
            picture = pipeline(
                portraits.facts[index].prompt(),
                height=given.shape[0],
                width=given.shape[1],
                num_inference_steps=SAMPLING,
                guidance_scale=1.0,
                generator=torch.Generator().manual_seed(NOISE_SEED),
                output_type="np",
            ).images[0]
        # Sampling leaves its own steps in the scheduler, of which training reads the table.
        pipeline.scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)
        found = self.edges(np.rint(picture * 255).astype(np.uint8))
        return edge_f1(found[..., 0] > 0, given[..., 0] > 0)


def main() -> int:
    asked = _options()
    torch.set_num_threads(asked.threads)
    sheets = [render_portraits(FIRST_SEED + number) for number in range(SHEETS)]
    cases = held_out(asked.count)
    curves: dict[str, dict[str, list[float]]] = {way: {} for way in WAYS}
    for way in WAYS:
        for rate in asked.rates:
            curve = _learn(way, rate, sheets, cases, asked)
            curves[way][f"{rate:g}"] = curve
            print(f"{way:<12} {rate:g}: {' '.join(f'{value:.2f}' for value in curve)}", flush=True)
    best = {way: max(found.values(), key=max) for way, found in curves.items()}
    first = {way: _first(best[way], asked.every) for way in WAYS}
    for way in WAYS:
        said = f"after {first[way]} steps" if first[way] else f"not within {asked.steps} steps"
        print(f"{way}: follows {FOLLOWED:.0%} of the way {said}, at most {max(best[way]):.2f}")
    ours, theirs = (first[way] or asked.steps + 1 for way in WAYS)
    found = {"every": asked.every, "followed": best, "first": first, "pass": ours < theirs}
    print(json.dumps(found))
    return 0 if found["pass"] else 1


def _learn(
    way: str, rate: float, sheets: list[Any], cases: list[Case], asked: argparse.Namespace
) -> list[float]:
    """What share is followed after every so many steps."""
    task = build_still_task(
        ModelSettings(family="sd15", base=str(find_base(asked.model)), method=way),
        StillLoss(prompt_dropout=0.1),
        ExportSettings(),
    )
    settings = LoopSettings(
        steps=asked.steps,
        rate=rate,
        batch=asked.batch,
        ema=0.9,
        warm_up=20,
        save_every=0,
        preview_every=asked.every,
        device="cpu",
        precision="bf16",
    )
    look = Follows(task, cases)
    with tempfile.TemporaryDirectory() as folder:
        train(task, MapSource(sheets, KIND), settings, Path(folder), preview=look)
    return look.curve


def _first(curve: list[float], every: int) -> int | None:
    """The first step at which enough is followed; None for never."""
    steps = (every * place for place, value in enumerate(curve, start=1) if value >= FOLLOWED)
    return next(steps, None)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="mini-image", help="or a folder")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rates", type=float, nargs="+", default=[3e-4, 1e-3])
    parser.add_argument("--count", type=int, default=12, help="portraits that are judged")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
