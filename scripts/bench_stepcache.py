"""What does the step cache save, and what does it cost? Beside it: simply taking fewer steps.

python scripts/bench_stepcache.py [--seconds 0.4] [--steps 10] [--model mini]

The sample's dance drives the sample's hero; every run starts from the same noise. Printed for each:
  calls     of the UNet, as a share of the plain run's
  error     distance of the latents from those of the plain run, relative to their size
  time      as a share of the plain run's
The last line is a JSON object; "pass": threshold 0 changes no bit, and 0.1 leaves out a tenth of
the calls for an error below 5 %.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import torch
from bench_seams import Scene
from torch import Tensor

THRESHOLDS = (0.0, 0.05, 0.1, 0.2, 0.3)
JUDGED, CALLS_LEFT, ERROR = 0.1, 0.9, 0.05


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--model", default="mini")
    asked = parser.parse_args()
    scene = Scene(asked.model, asked.seconds)
    run(scene, 1)  # warms up
    plain, calls, seconds = run(scene, asked.steps)
    print(f"{scene.frames} frames, window {scene.window}, {asked.steps} steps, {calls} calls")
    print(f"{'way':<16} {'calls':>6} {'error':>8} {'time':>6}")
    ways = {f"threshold {share:g}": (asked.steps, share) for share in THRESHOLDS}
    fewer = sorted({round(asked.steps * share) for share in (0.5, 0.6, 0.8)}, reverse=True)
    ways |= {f"{steps} steps": (steps, 0.0) for steps in fewer}
    rows: dict[str, dict[str, float]] = {}
    for way, (steps, threshold) in ways.items():
        latents, used, took = run(scene, steps, step_cache=threshold)
        error = float((latents - plain).norm() / plain.norm())
        rows[way] = {"calls": used / calls, "error": error, "time": took / seconds}
        print(f"{way:<16} {used / calls:>6.2f} {error:>8.4f} {took / seconds:>6.2f}", flush=True)
    judged = rows[f"threshold {JUDGED:g}"]
    unchanged = rows["threshold 0"]["error"] == 0.0
    passed = unchanged and judged["calls"] <= CALLS_LEFT and judged["error"] < ERROR
    print(json.dumps({"frames": scene.frames, "steps": asked.steps, **rows, "pass": passed}))
    return 0 if passed else 1


def run(scene: Scene, steps: int, **settings: Any) -> tuple[Tensor, int, float]:
    """The latents, the UNet's calls and the seconds of one run."""
    pipeline, (width, height) = scene.pipeline, scene.size
    generator = torch.Generator().manual_seed(0)
    calls: list[int] = []
    handle = pipeline.unet.register_forward_hook(lambda *args: calls.append(1))
    start = time.perf_counter()
    latents = pipeline(
        scene.picture,
        scene.motion.control,
        num_frames=len(scene.motion),
        height=height,
        width=width,
        num_inference_steps=steps,
        min_guidance_scale=scene.decided.guidance,
        max_guidance_scale=scene.decided.guidance,
        window=scene.window,
        blend="shifted",
        generator=generator,
        output_type="latent",
        progress=lambda done, total: None,
        **settings,
    ).frames
    seconds = time.perf_counter() - start
    handle.remove()
    return latents, len(calls), seconds


if __name__ == "__main__":
    sys.exit(main())
