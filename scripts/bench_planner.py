"""Does the planner foretell memory and time? Predictions beside what runs really take.

python scripts/bench_planner.py [--quick] [--model mini] [--device cpu]

Every case runs in a process of its own: one denoising step over the clip and the decoding of all
its frames, with random control, drafts and a picture. Memory is the peak of resident memory over
what the process held before the model was loaded (on a GPU: torch's peak of allocated memory);
time is that of denoising and decoding, estimated in that process right before. Ratios are
prediction over measurement. The last line is a JSON object; "pass": every memory ratio is within
25 % of 1. Times depend on who else uses the machine and do not decide.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# Settings of each case; frames is the clip's length.
CASES: list[dict[str, Any]] = [
    {"frames": 24, "size": (128, 192), "window": 16},
    {"frames": 24, "size": (128, 192), "window": 16, "guidance": 2.0},
    {"frames": 24, "size": (128, 192), "window": 16, "guidance": 2.0, "halves_apart": True},
    {"frames": 24, "size": (256, 384), "window": 8, "decode_chunk": 2},
    {"frames": 16, "size": (256, 256), "window": 16, "decode_chunk": 1},
    {"frames": 8, "size": (256, 384), "window": 4, "decode_chunk": 8},
]
QUICK = [0, 3, 5]
TOLERANCE = 0.25


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three cases only")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(measure(json.loads(asked.case))))
        return 0
    print(f"{'case':<64} {'MB told':>8} {'real':>6} {'ratio':>6} {'s told':>7} {'real':>6} ratio")
    rows = []
    for case in [CASES[index] for index in QUICK] if asked.quick else CASES:
        row = in_own_process({"model": asked.model, "device": asked.device, **case})
        rows.append(row)
        name = " ".join(f"{key}={value}" for key, value in case.items())
        print(f"{name:<64} {row['memory_told'] / 1e6:>8.0f} {row['memory'] / 1e6:>6.0f} "
              f"{row['memory_ratio']:>6.2f} {row['seconds_told']:>7.1f} {row['seconds']:>6.1f} "
              f"{row['time_ratio']:>5.2f}", flush=True)  # fmt: skip
    passed = all(abs(row["memory_ratio"] - 1) <= TOLERANCE for row in rows)
    figures = {
        "memory_ratios": [round(row["memory_ratio"], 3) for row in rows],
        "time_ratios": [round(row["time_ratio"], 3) for row in rows],
        "denoising_efficiency": statistics.median(row["denoising"] for row in rows),
        "decoding_efficiency": statistics.median(row["decoding"] for row in rows),
        "pass": passed,
    }
    print(json.dumps(figures))
    return 0 if passed else 1


def in_own_process(case: dict[str, Any]) -> dict[str, float]:
    # As the command does.
    environment = {**os.environ, "THP_MEM_ALLOC_ENABLE": "1"}
    command = [sys.executable, "-W", "ignore", __file__, "--case", json.dumps(case)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    row: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return row


def measure(case: dict[str, Any]) -> dict[str, float]:
    """Predict, then run, in this process."""
    import torch
    from PIL import Image

    from animate.config import Settings
    from animate.devices import decode_in_less_memory
    from animate.load import load_model
    from animate.planner import estimate_seconds, make_plan, probe

    frames = case.pop("frames")
    size = tuple(case.pop("size"))
    plan = make_plan(Settings(steps=1, size=size, **case), size, frames)
    told, speed = estimate_seconds(plan), probe(plan.settings.device, plan.settings.dtype)
    now = plan.settings
    watch = GpuMemory() if now.device == "cuda" else ResidentMemory()
    pipeline = load_model(plan.asked).pipeline

    def noise(first: int, last: int) -> torch.Tensor:
        return torch.rand(last - first, 3, size[1], size[0])

    drafts = noise if pipeline.controlnext.sees_draft else None
    start = time.perf_counter()
    latents = pipeline(
        Image.new("RGB", size, "teal"),
        noise,
        drafts=drafts,
        num_frames=plan.frames,
        height=size[1],
        width=size[0],
        num_inference_steps=1,
        min_guidance_scale=now.guidance_ends[0],
        max_guidance_scale=now.guidance_ends[1],
        window=now.window,
        overlap=now.overlap,
        blend=now.windows,
        halves_apart=now.halves_apart,
        output_type="latent",
        progress=lambda done, total: None,
    ).frames[0].cpu()  # fmt: skip
    middle = time.perf_counter()
    for _ in decode_in_less_memory(pipeline, latents, now.decode_chunk, drafts):
        pass
    end = time.perf_counter()
    peak, flops = watch.peak(), plan.prediction.flops
    return {
        "memory_told": plan.prediction.peak,
        "memory": peak,
        "memory_ratio": plan.prediction.peak / peak,
        "seconds_told": told,
        "seconds": end - start,
        "time_ratio": told / (end - start),
        "denoising": flops["denoising"] / (middle - start) / speed,
        "decoding": flops["decoding"] / (end - middle) / speed,
    }


class ResidentMemory:
    """The peak of this process's resident memory from now on, beyond what it holds now."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        self._before = self._status("VmRSS")

    def peak(self) -> int:
        return self._status("VmHWM") - self._before

    def _status(self, name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


class GpuMemory:
    """The peak of what torch has allocated."""

    def __init__(self) -> None:
        import torch

        torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int:
        import torch

        return torch.cuda.max_memory_allocated()


if __name__ == "__main__":
    sys.exit(main())
