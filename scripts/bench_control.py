"""What control costs in a denoising step, beside the reference's way, in one run.

The reference sends every frame of every window through the encoder in every step, for both
guidance halves, stem included: at 240 frames, window 24 and overlap 6 that is 624 frames. Here a
frame goes through once a step, and what does not depend on time is kept as far as the memory
allows. Counted are floating-point operations at SVD-v2's size, 576x1024, without data, for
several memories; the UNet's beside them are for the windows of each way of sampling. Passed if
the goals hold with all of the clip kept; time is taken on small pictures, which are all that a CPU
can be asked for.

    python scripts/bench_control.py [--frames 240] [--rounds 3] [--quick]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import torch  # noqa: E402
from golden.latency import FRAMES, HALVES, SVD_SIZE, control_cost, count, svd_unet_cost  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from temporal.controlnext import ControlNeXt  # noqa: E402
from temporal.features import CPU_MEMORY, GPU_SHARE, ControlFeatures, chunk_for  # noqa: E402
from temporal.folded import FoldedEncoder  # noqa: E402
from temporal.windows import Window, plan_windows  # noqa: E402

WINDOW, OVERLAP = 24, 6  # of the reference's own example
TIMED_SIZE = (64, 96)
STEPS = 25
KEPT = 2**30  # bytes, more than small pictures take
GOAL_OF_REFERENCE, GOAL_OF_UNET = 0.3, 0.02
BYTES = 2  # of a number at the real size, in half precision
# Memory for what is kept: none, a CPU's default, that of GPUs with 24 GiB free, and without limit.
MEMORIES = {"none": 0, "16 MiB": CPU_MEMORY, "3 GiB": 24 * 2**30 // GPU_SHARE, "all": 2**60}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="count only")
    asked = parser.parse_args()
    rows = [*count_ways(asked.frames)]
    print(f"{'way of sampling':<10} {'kept':>8} {'GiB':>6} {'control/reference':>18} "
          f"{'control/UNet':>13} {'reference/UNet':>15}")  # fmt: skip
    for row in rows:
        print(f"{row['blend']:<10} {row['kept']:>8} {row['gib']:>6.1f} "
              f"{row['of_reference']:>18.3f} {row['of_unet']:>13.4f} "
              f"{row['reference_of_unet']:>15.4f}")  # fmt: skip
    figures: dict[str, Any] = {"frames": asked.frames, "flops": rows}
    passed = all(
        row["of_reference"] <= GOAL_OF_REFERENCE and row["of_unet"] <= GOAL_OF_UNET
        for row in rows
        if row["kept"] == "all"
    )
    if not asked.quick:
        figures["timed"] = timed = time_ways(asked.frames, asked.rounds)
        passed &= timed["ratio"] <= GOAL_OF_REFERENCE
    print(json.dumps({**figures, "pass": passed}))
    return 0 if passed else 1


def count_ways(frames: int) -> list[dict[str, Any]]:
    """Operations of the last of many steps, for every blend and memory."""
    control = torch.empty(1, 3, *SVD_SIZE, device="meta")
    reference = control_cost("svd_v2", control)["all"]
    unet = svd_unet_cost() / FRAMES
    prepare, descend, project, kept_bytes = _own_costs(control)
    theirs = plan_windows(frames, WINDOW, OVERLAP, blend="official")
    reference_frames = HALVES * sum(map(len, theirs))
    rows = []
    for blend in ("official", "weighted", "shifted"):
        windows = plan_windows(frames, WINDOW, OVERLAP, blend=blend, step=1)
        seen = sum(map(len, windows))
        for kept, memory in MEMORIES.items():
            held = min(frames, memory // kept_bytes)
            own = frames * (descend + project) + (frames - held) * prepare
            rows.append({
                "blend": blend,
                "kept": kept,
                "gib": held * kept_bytes / 2**30,
                "encoder_frames": frames,
                "reference_encoder_frames": reference_frames,
                "of_reference": own / (reference_frames * reference),
                "of_unet": own / (seen * unet),
                "reference_of_unet": HALVES * reference / unet,
            })  # fmt: skip
    return rows


def _own_costs(control: torch.Tensor) -> tuple[float, float, float, int]:
    """GFLOP of a frame: prepared, from there to the lowest level, and to the end; bytes kept."""
    with torch.device("meta"):
        encoder = ControlNeXt.from_variant("svd_v2").eval()
        folded, moment = FoldedEncoder(encoder), encoder.embed_time(torch.empty(1), control)
        prepared = folded.prepare(control)
        hidden = folded.descend(prepared, moment)
    costs = (
        count(lambda: folded.prepare(control)),
        count(lambda: folded.descend(prepared, moment)),
        count(lambda: encoder.project(hidden)),
    )
    return *costs, sum(part.numel() for part in prepared) * BYTES


def time_ways(frames: int, rounds: int) -> dict[str, Any]:
    """Seconds and operations of a step for small pictures, both ways in turn."""
    torch.set_num_threads(1)  # see `_timed`
    torch.manual_seed(0)
    encoder = ControlNeXt.from_variant("svd_v2").eval()
    clip = torch.rand(frames, 3, *TIMED_SIZE)
    windows = plan_windows(frames, WINDOW, OVERLAP, blend="official")
    features = ControlFeatures(
        encoder, clip, device="cpu", chunk=chunk_for(*TIMED_SIZE), memory=KEPT
    )
    steps = torch.linspace(1, -1, STEPS)
    _, first = _timed(lambda: _shared_step(features, steps[0], windows))
    ways: dict[str, Callable[[torch.Tensor], None]] = {
        "reference": lambda step: _reference_step(encoder, clip, step, windows),
        "ours": lambda step: _shared_step(features, step, windows),
    }
    operations, seconds = {}, {way: [] for way in ways}
    for turn in range(rounds):
        for way, run in ways.items():
            operations[way], taken = _timed(lambda run=run, turn=turn: run(steps[turn + 1]))
            seconds[way].append(taken)
    medians = {way: statistics.median(taken) for way, taken in seconds.items()}
    print(f"at {TIMED_SIZE[1]}x{TIMED_SIZE[0]}, {frames} frames: a step takes "
          f"{medians['ours']:.2f} s (the first {first:.2f} s), the reference's way "
          f"{medians['reference']:.2f} s")  # fmt: skip
    return {
        "size": TIMED_SIZE,
        "cpu_seconds": medians,
        "first_step_cpu_seconds": first,
        "ratio": medians["ours"] / medians["reference"],
        "flop_ratio": operations["ours"] / operations["reference"],
    }


def _reference_step(
    encoder: ControlNeXt, clip: torch.Tensor, step: torch.Tensor, windows: Sequence[Window]
) -> None:
    for window in windows:
        both = clip[list(window.controls)].repeat(HALVES, 1, 1, 1, 1)
        encoder(both, step)


def _shared_step(features: ControlFeatures, step: torch.Tensor, windows: Sequence[Window]) -> None:
    for window in windows:
        features(step, window.controls)


@torch.no_grad()
def _timed(run: Callable[[], None]) -> tuple[float, float]:
    """Operations and CPU seconds of one thread, which other work on the machine hardly disturbs."""
    with FlopCounterMode(display=False) as counter:
        start = time.process_time()
        run()
        seconds = time.process_time() - start
    return float(counter.get_total_flops()), seconds


if __name__ == "__main__":
    sys.exit(main())
