"""Compare ways to smooth a joint's path without lag, on moves whose truth is known.

python scripts/bench_smoothing.py       # table, then one JSON object as the last line

Noise is that of a tracker: in proportion to the body, now and then four times as large, larger
where the score is low. Figures are the worst over 24, 30 and 60 frames a second, even and uneven
times, little and much noise; below 1 is better than what the tracker gave.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
Floats = NDArray[np.float64]
Way = Callable[[Floats, Floats, Floats], Floats]  # seen (F, N, 2), scores (F, N), times (F,)

CONDITIONS = [  # frames a second, noise in torso lengths, uneven times
    (24, 0.004, False), (30, 0.004, True), (60, 0.004, False),
    (24, 0.010, False), (30, 0.010, True), (60, 0.010, False),
]  # fmt: skip
SECONDS = 4.0
MOVES = ("still", "slow", "dance", "flick", "reverse")
FAST = ("dance", "flick", "reverse")
FREE = (0, 7, 8, 9, 10, 13, 14, 15)  # joints that carry the moves; shoulders and hips stand still
TORSO = {5: (0.35, 0.0), 6: (-0.35, 0.0), 11: (0.2, 1.0), 12: (-0.2, 1.0)}
DEFAULT = "ours, default"
GOALS = {"jitter": 0.4, "error": 1.005, "peak": 1.0, "lag_ms": 1.0, "seconds": 0.3}


class Take(NamedTuple):
    """One condition: times (F,), and for each move truth and sight (F, N, 2), scores (F, N)."""

    times: Floats
    moves: dict[str, tuple[Floats, Floats, Floats]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--joints", type=int, default=24, help="moves of each kind")
    parser.add_argument("--rounds", type=int, default=5, help="timings of a whole body")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))  # the project need not be installed
    from pose.refine import SMOOTH

    ways: dict[str, Way] = {
        "as tracked": lambda seen, scores, times: seen,
        "One-Euro both ways, calm": lambda *clip: one_euro(*clip, cutoff=1.0, slope=1.0),
        "One-Euro both ways, quick": lambda *clip: one_euro(*clip, cutoff=3.0, slope=4.0),
        "local parabola, 0.08 s": lambda *clip: local_parabola(*clip, width=0.08),
        "local parabola, 0.12 s": lambda *clip: local_parabola(*clip, width=0.12),
        "Kalman RTS, calm": lambda *clip: kalman(*clip, gain=0.3),
        "Kalman RTS, quick": lambda *clip: kalman(*clip, gain=1.0),
        DEFAULT: lambda *clip: ours(*clip, strength=SMOOTH),
        "ours, strength 0.5": lambda *clip: ours(*clip, strength=0.5),
        "ours, strength 1": lambda *clip: ours(*clip, strength=1.0),
    }
    takes = [film(*condition, options.joints) for condition in CONDITIONS]
    columns = ("jitter", "error", "tail", "peak", "lag_ms")
    print(f"{'worst of all conditions':<28}" + "".join(f"{name:>9}" for name in columns))
    table = {}
    for name, way in ways.items():
        results = [judge(way, take) for take in takes]
        table[name] = {key: max(result[key] for result in results) for key in columns}
        print(f"{name:<28}" + "".join(f"{table[name][key]:>9.3f}" for key in columns))
    figures = table[DEFAULT]
    figures["seconds"] = whole_body(options.rounds)
    print(f"300 frames of 133 keypoints: {figures['seconds']:.3f} s, median of {options.rounds}")
    passed = all(figures[key] <= goal + 1e-9 for key, goal in GOALS.items())
    print(json.dumps({**{k: round(v, 4) for k, v in figures.items()}, "pass": passed}))


def film(fps: int, level: float, uneven: bool, joints: int) -> Take:
    rng = np.random.default_rng(7)
    times = np.arange(int(SECONDS * fps)) / fps
    if uneven:
        times = times + rng.uniform(-0.3, 0.3, len(times)) / fps
    moves = {}
    for move in MOVES:
        truth = np.stack([path(move, times, rng) for _ in range(joints)], axis=1)
        noise, scores = tracker_noise(truth.shape, level, rng)
        moves[move] = (truth, truth + noise, scores)
    return Take(times, moves)


def path(move: str, times: Floats, rng: np.random.Generator) -> Floats:
    """A joint's path (F, 2) in torso lengths."""
    angle = rng.uniform(0, 2 * np.pi)
    if move == "still":
        return np.zeros((len(times), 2))
    if move == "slow":
        turn = 2 * np.pi * 0.2 * times + angle
        return 0.3 * np.stack([np.sin(turn), np.cos(0.75 * turn)], axis=1)
    if move == "dance":
        waves = [
            0.35 / rate**0.7 * np.sin(2 * np.pi * rate * times[:, None] + rng.uniform(0, 6, 2))
            for rate in (0.5, 1.1, 2.0)
        ]
        return np.asarray(sum(waves))
    if move == "flick":  # minimum-jerk strokes and stops (Flash and Hogan 1985)
        along, start, sign = np.zeros(len(times)), 0.3, 1
        while start < times[-1]:
            length = rng.uniform(0.12, 0.3)
            part = ((times - start) / length).clip(0, 1)
            along = along + sign * (10 * part**3 - 15 * part**4 + 6 * part**5)
            start, sign = start + length + rng.choice([0.0, 0.3, 0.6]), -sign
    else:  # even speed and sudden reversals
        phase = (times / rng.uniform(0.25, 0.6)) % 2
        along = 0.8 * np.where(phase < 1, phase, 2 - phase)
    return np.asarray(along[:, None] * np.array([np.cos(angle), np.sin(angle)]))


def tracker_noise(
    shape: tuple[int, ...], level: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    scores = rng.uniform(0.5, 1.0, shape[:2])
    doubtful, wild = rng.random(shape[:2]) < 0.05, rng.random(shape[:2]) < 0.03
    scores[doubtful] = rng.uniform(0.1, 0.4, int(doubtful.sum()))
    noise = rng.standard_normal(shape) * level / (0.5 + scores)[..., None]
    noise[wild] *= 4
    return noise, scores


def judge(way: Way, take: Take) -> dict[str, float]:
    """What is left of the still joint's rms acceleration, and the fast moves' worst figures.

    error: mean distance from the truth, tail: its 95th percentile, while the joint moves; peak:
    mean distance at the far ends of the strokes; all relative to what was seen. lag_ms: the
    delay that explains the error best.
    """
    found: dict[str, list[float]] = {"error": [], "tail": [], "peak": [], "lag_ms": []}
    for move in FAST:
        truth, seen, scores = take.moves[move]
        speed = np.gradient(truth, take.times, axis=0)
        error = way(seen, scores, take.times) - truth
        far, raw = np.linalg.norm(error, axis=-1), np.linalg.norm(seen - truth, axis=-1)
        moving = np.linalg.norm(speed, axis=-1) > 0.5
        found["error"].append(far[moving].mean() / raw[moving].mean())
        found["tail"].append(np.quantile(far[moving], 0.95) / np.quantile(raw[moving], 0.95))
        reach = np.linalg.norm(truth - truth.mean(axis=0), axis=-1)
        ends = reach > 0.97 * reach.max(axis=0)
        found["peak"].append(far[ends].mean() / raw[ends].mean())
        noise = seen - truth  # its own part in the delay is chance, not lag
        delay = ((error - noise * (error * noise).sum() / (noise**2).sum()) * speed).sum()
        found["lag_ms"].append(abs(delay) / (speed**2).sum() * 1000)
    _, seen, scores = take.moves["still"]
    calm = way(seen, scores, take.times)
    kept = tremble(calm, take.times) / tremble(seen, take.times)
    return {"jitter": kept, **{name: float(max(values)) for name, values in found.items()}}


def tremble(points: Floats, times: Floats) -> float:
    """Root of the mean squared acceleration."""
    speed = np.diff(points, axis=0) / np.diff(times)[:, None, None]
    steps = (times[2:] - times[:-2])[:, None, None] / 2
    return float(np.sqrt(((np.diff(speed, axis=0) / steps) ** 2).mean()))


def ours(seen: Floats, scores: Floats, times: Floats, strength: float) -> Floats:
    """pose.smooth on figures that stand still but for FREE joints, 100 pixels to a torso."""
    from pose.smooth import smooth

    people = seen.shape[1] // len(FREE)
    points = np.full((len(times), people, 133, 2), np.nan)
    trust = np.zeros(points.shape[:3])
    for joint, place in TORSO.items():
        points[:, :, joint], trust[:, :, joint] = 100 * np.array(place), 1.0
    points[:, :, FREE] = 100 * seen.reshape(len(times), people, len(FREE), 2)
    trust[:, :, FREE] = scores.reshape(len(times), people, len(FREE))
    return smooth(points, trust, times, strength)[:, :, FREE].reshape(seen.shape) / 100


def one_euro(seen: Floats, scores: Floats, times: Floats, cutoff: float, slope: float) -> Floats:
    """Casiez, Roussel and Vogel 2012, forth and back, averaged."""
    forth = _one_euro(seen, np.diff(times), cutoff, slope)
    back = _one_euro(seen[::-1], np.diff(times)[::-1], cutoff, slope)[::-1]
    return (forth + back) / 2


def _one_euro(seen: Floats, steps: Floats, cutoff: float, slope: float) -> Floats:
    out, speed = seen.copy(), np.zeros_like(seen[0])
    for i, step in enumerate(steps, start=1):
        speed += ((seen[i] - out[i - 1]) / step - speed) / (1 + 1 / (2 * np.pi * step))
        rate = cutoff + slope * np.linalg.norm(speed, axis=-1, keepdims=True)
        out[i] = out[i - 1] + (seen[i] - out[i - 1]) / (1 + 1 / (2 * np.pi * rate * step))
    return out


def local_parabola(seen: Floats, scores: Floats, times: Floats, width: float) -> Floats:
    """Savitzky and Golay 1964 for uneven times: least squares weighted by score and nearness."""
    out = np.empty_like(seen)
    for i, now in enumerate(times):
        near = np.argsort(np.abs(times - now), kind="stable")
        near = near[: max(3, int((np.abs(times - now) < width).sum()))]
        away = (times[near] - now) / width
        powers = np.vander(away, 3, increasing=True)
        weights = (1 - np.abs(away).clip(0, 0.97) ** 3)[:, None] ** 3 * scores[near]
        normal = np.einsum("ia,in,ib->nab", powers, weights, powers)
        out[i] = np.linalg.solve(normal, np.einsum("ia,in,inc->nac", powers, weights, seen[near]))[
            :, 0
        ]
    return out


def kalman(seen: Floats, scores: Floats, times: Floats, gain: float) -> Floats:
    """Rauch, Tung and Striebel 1965, even speed; process noise by the raw acceleration."""
    steps = np.diff(times)
    reach = max(1, round(0.06 / float(np.median(steps))))
    low, high = (
        np.clip(np.arange(len(times)) + side, 0, len(times) - 1) for side in (-reach, reach)
    )
    half = (times[high] - times[low])[:, None] / 2
    bend = np.linalg.norm(seen[high] - 2 * seen + seen[low], axis=-1) / half**2
    noise = 0.05 * (2.0 + gain * bend) ** 2
    state = np.stack([seen, np.zeros_like(seen)], axis=2)  # (F, N, 2 orders, 2)
    spread = np.broadcast_to(np.diag([1e-4, 25.0]), (*seen.shape, 2)).copy()
    guess, doubt = state.copy(), spread.copy()
    for i, step in enumerate(steps, start=1):
        move = np.array([[1.0, step], [0.0, 1.0]])
        push = np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]])
        guess[i] = move @ state[i - 1]
        doubt[i] = move @ spread[i - 1] @ move.T + push * noise[i][:, None, None]
        pull = doubt[i][:, :, 0] / (doubt[i][:, 0, 0] + 1e-4 / scores[i])[:, None]
        state[i] = guess[i] + pull[:, :, None] * (seen[i] - guess[i][:, 0])[:, None]
        spread[i] = doubt[i] - pull[:, :, None] * doubt[i][:, 0][:, None]
    for i in range(len(times) - 2, -1, -1):
        move = np.array([[1.0, steps[i]], [0.0, 1.0]])
        back = spread[i] @ move.T @ np.linalg.inv(doubt[i + 1])
        state[i] += back @ (state[i + 1] - guess[i + 1])
    return state[:, :, 0]


def whole_body(rounds: int) -> float:
    from pose.refine import SMOOTH
    from pose.smooth import smooth

    rng = np.random.default_rng(0)
    points = rng.normal(0, 100, (1, 1, 133, 2)) + rng.normal(0, 1, (300, 1, 133, 2))
    scores, times = np.full(points.shape[:3], 0.9), np.arange(300) / 30
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        smooth(points, scores, times, SMOOTH)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
