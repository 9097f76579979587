"""What do very many GPUs and clips need, and what breaks first? A simulation on paper machines.

python scripts/simulate_scale.py                      # 10,000 GPUs, a million clips a day
python scripts/simulate_scale.py --gpus 1000 --clips 90000

Nothing here is measured on such machines: what is assumed stands in one table, Assumed, each with
its reason, and docs/scale.md quotes this script's output. Every clip of a day is followed: clips
come (at random, with a daily wave), wait for a GPU, and are sampled; machines of eight GPUs fail at
random and come back, and what they had under way goes on elsewhere, from its journal or without one
from the beginning. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
from dataclasses import dataclass, field, replace

DAY, HOUR = 86_400.0, 3_600.0  # seconds
SPLITS = (2, 5, 8, 10)  # workers that share one clip


@dataclass(frozen=True, kw_only=True)
class Assumed:
    """A day's work and machines; bytes, seconds, dollars."""

    gpus: int = 10_000
    clips: int = 1_000_000  # a day
    gpus_a_machine: int = 8
    frames: int = 240  # ten seconds
    window: int = 24
    steps: int = 25
    # SVD-XT's model card: about 180 s for 25 frames, 25 steps, 576x1024, on one A100 of 80 GB;
    # GPUs of the next generation are taken to be 2.2 times as fast at it.
    window_seconds: float = 180 / 2.2
    load_seconds: float = 40.0  # 10 GB of weights from the machine's own disk, and first use
    clips_a_model: float = 500.0  # until the settings want other weights
    spread: float = 0.3  # of a clip's time, log-normal
    frames_a_core_second: float = 20.0  # that are tracked; scripts/bench_pose.py has them
    clips_a_film: float = 4.0  # that share a driving film, and so its poses
    film_bytes: float = 8e6
    ref_bytes: float = 2e6
    result_bytes: float = 6e6
    latent_bytes: float = 240 * 4 * 72 * 128 * 4.0  # of the journal, after each step
    words_a_second: float = 0.5  # of progress from each worker; at most 5
    gpu_hour: float = 2.5  # dollars
    core_hour: float = 0.04
    gigabyte_month: float = 0.023
    gpu_hours_a_failure: float = 20_000.0  # one machine lost in so many hours of its GPUs
    repair_seconds: float = 1_800.0
    wave: float = 0.3  # the busiest hour has so much more than the mean, the quietest less
    journal: bool = True
    link_bytes: float = 1.25e9  # a second, between machines: 10 Gbit/s
    unevenness: float = 0.05  # of GPUs alike at the same work: spread of a step's time

    @property
    def clip_seconds(self) -> float:
        """One clip on one GPU, with its share of loading."""
        windows = self.frames / self.window
        return windows * self.window_seconds + self.load_seconds / self.clips_a_model


@dataclass
class Day:
    """What happened; waits in seconds, of clips that were begun."""

    waits: list[float] = field(default_factory=list)
    done: int = 0
    interrupted: int = 0
    lost_seconds: float = 0.0
    busy_seconds: float = 0.0

    def wait(self, share: float) -> float:
        """The wait that such a share of the clips does not exceed."""
        return sorted(self.waits)[min(len(self.waits) - 1, int(share * len(self.waits)))]


def arrivals(a: Assumed, rng: random.Random) -> list[float]:
    """Times of the day at which clips come, by rejection from the wave's density."""
    found: list[float] = []
    while len(found) < a.clips:
        time = rng.uniform(0, DAY)
        if rng.uniform(0, 1 + a.wave) < 1 + a.wave * math.sin(2 * math.pi * time / DAY):
            found.append(time)
    return sorted(found)


def failures(a: Assumed, rng: random.Random) -> list[list[float]]:
    """For each machine the times at which it fails, over two days."""
    mean = a.gpu_hours_a_failure * HOUR / a.gpus_a_machine
    machines: list[list[float]] = []
    for _ in range(max(1, a.gpus // a.gpus_a_machine)):
        times: list[float] = []
        time = rng.expovariate(1 / mean)
        while time < 2 * DAY:
            times.append(time)
            time += a.repair_seconds + rng.expovariate(1 / mean)
        machines.append(times)
    return machines


def simulate(a: Assumed, seed: int = 0) -> Day:
    """One day, clip by clip; who came first is served first."""
    rng = random.Random(seed)
    down, day = failures(a, rng), Day()
    queue = [(time, True, 0.0) for time in arrivals(a, rng)]  # when ready, new, seconds left
    free = [(0.0, gpu) for gpu in range(len(down) * a.gpus_a_machine)]
    while queue:
        ready, new, left = heapq.heappop(queue)
        start, gpu = _take(a, free, down, ready)
        if new:
            left = a.clip_seconds * rng.lognormvariate(-(a.spread**2) / 2, a.spread)
            day.waits.append(start - ready)
        fails = _next(down[gpu // a.gpus_a_machine], start)
        if fails >= start + left:
            day.busy_seconds += left
            day.done += start + left <= DAY
            heapq.heappush(free, (start + left, gpu))
            continue
        worked = fails - start
        lost = worked % (a.clip_seconds / a.steps) if a.journal else worked
        day.interrupted += 1
        day.lost_seconds += lost
        day.busy_seconds += worked
        heapq.heappush(queue, (fails, False, left - worked + lost))
        heapq.heappush(free, (fails + a.repair_seconds, gpu))
    return day


def _take(
    a: Assumed, free: list[tuple[float, int]], down: list[list[float]], ready: float
) -> tuple[float, int]:
    """The first GPU that is free and up, and when it begins."""
    while True:
        time, gpu = heapq.heappop(free)
        start = max(time, ready)
        up = next(
            (at + a.repair_seconds for at in down[gpu // a.gpus_a_machine]
             if at <= start < at + a.repair_seconds), None,
        )  # fmt: skip
        if up is None:
            return start, gpu
        heapq.heappush(free, (up, gpu))


def _next(times: list[float], after: float) -> float:
    return next((time for time in times if time > after), math.inf)


def budget(a: Assumed) -> dict[str, float]:
    """What a day moves and costs, by multiplication alone."""
    films = a.clips / a.clips_a_film
    tracking = films * a.frames / a.frames_a_core_second
    journal = a.clips * a.steps * a.latent_bytes if a.journal else 0.0
    stored = a.clips * a.result_bytes
    return {
        "gpu seconds a clip": a.clip_seconds,
        "gpus that are busy on average": a.clips * a.clip_seconds / DAY,
        "cores that track": tracking / DAY,
        "inputs, MB/s": (films * a.film_bytes + a.clips * a.ref_bytes) / DAY / 1e6,
        "results, MB/s": stored / DAY / 1e6,
        "journals, MB/s": journal / DAY / 1e6,
        "states written a second": 2 * a.clips / DAY,
        "words of progress a second": a.gpus * a.words_a_second,
        "dollars a day, gpus": a.gpus * 24 * a.gpu_hour,
        "dollars a day, cores": tracking / HOUR * a.core_hour,
        "dollars a month to keep a day's results": stored / 1e9 * a.gigabyte_month,
        "dollars a clip": (a.gpus * 24 * a.gpu_hour + tracking / HOUR * a.core_hour) / a.clips,
    }


def split(a: Assumed, workers: int) -> dict[str, float]:
    """One clip's steps shared by several GPUs, window by window, and joined after every step.

    A step ends when the slowest GPU has done its windows; all latents go out and come back through
    the one machine that joins them.
    """
    rng, windows = random.Random(0), math.ceil(a.frames / a.window)
    window_step = a.window_seconds / a.steps
    slowest = sum(
        max(rng.gauss(1, a.unevenness) for _ in range(workers)) for _ in range(10_000)
    ) / 10_000  # fmt: skip
    moved = 2 * a.latent_bytes
    step = math.ceil(windows / workers) * window_step * slowest + moved / a.link_bytes
    return {
        "workers": workers,
        "MB moved in a step": moved / 1e6,
        "share of a step that moving takes": moved / a.link_bytes / step,
        "seconds of a clip's steps": a.steps * step,
        "times faster": windows * window_step / step,
        "of the work that as many GPUs do apart": windows * window_step / step / workers,
    }


def cases(a: Assumed) -> dict[str, Assumed]:
    """The day as it is, and with one thing changed."""
    return {
        "as assumed": a,
        "no journal": replace(a, journal=False),
        "no daily wave": replace(a, wave=0.0),
        "a fifth more GPUs": replace(a, gpus=a.gpus * 6 // 5),
        "ten times the failures": replace(a, gpu_hours_a_failure=a.gpu_hours_a_failure / 10),
        "that, no journal": replace(
            a, gpu_hours_a_failure=a.gpu_hours_a_failure / 10, journal=False
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gpus", type=int, default=Assumed.gpus)
    parser.add_argument("--clips", type=int, default=Assumed.clips)
    arguments = parser.parse_args()
    a = Assumed(gpus=arguments.gpus, clips=arguments.clips)
    told = budget(a)
    for name, value in told.items():
        print(f"{name:<42}{value:>14,.2f}")
    print(f"\n{'':<24}{'done':>10}{'wait, median':>14}{'95 %':>9}{'interrupted':>13}{'lost':>14}")
    figures = {}
    for name, case in cases(a).items():
        day = simulate(case)
        lost = day.lost_seconds / HOUR
        print(
            f"{name:<24}{day.done:>10,}{day.wait(0.5) / 60:>10.1f} min{day.wait(0.95) / 60:>5.0f} "
            f"min{day.interrupted:>13,}{lost:>8.0f} GPU h"
        )
        figures[name] = {
            "done": day.done, "wait_median_s": round(day.wait(0.5)),
            "wait_95_s": round(day.wait(0.95)), "interrupted": day.interrupted,
            "lost_gpu_hours": round(lost, 1),
        }  # fmt: skip
    shared = [split(a, workers) for workers in SPLITS]
    for one in shared:
        print("split by windows: " + ", ".join(f"{name} {one[name]:.3g}" for name in one))
    print(json.dumps({"budget": told, "days": figures, "split": shared}))


if __name__ == "__main__":
    main()
