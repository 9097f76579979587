"""Motions: functions from times in seconds (N,) to batches of poses, smooth and repeatable."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .linalg import Array
from .pose import Pose, batch

Motion = Callable[[Array], Pose]

# Arm gestures: wrist (outward, up, forward) in arm lengths, where the palm looks, elbow swivel.
Gesture = tuple[tuple[float, float, float], tuple[float, float, float], float]
ARMS: dict[str, Gesture] = {
    "down": ((0.28, -0.92, 0.10), (-0.8, 0, 0.6), 0.0),
    "out": ((0.85, -0.35, 0.20), (0, 0, 1), 0.1),
    "wide": ((0.97, 0.02, 0.12), (0, -0.2, 1), 0.3),
    "up": ((0.30, 0.93, 0.10), (0, 0, 1), 0.4),
    "vee": ((0.68, 0.70, 0.15), (0, 0, 1), 0.3),
    "wave": ((0.55, 0.42, 0.30), (0, 0, 1), 0.1),
    "bent": ((0.62, -0.02, 0.40), (0, 0.2, 1), 0.2),
    "hip": ((0.16, -0.74, 0.14), (-0.6, -0.2, -0.7), 1.0),
    "chest": ((-0.28, -0.22, 0.48), (-0.3, 0.1, -1), 0.5),
    "belly": ((-0.22, -0.58, 0.46), (-0.2, 0.2, -1), 0.5),
    "cross": ((-0.55, -0.20, 0.42), (0.1, 0.2, -1), 0.4),
    "shoulder": ((-0.60, 0.02, 0.36), (-0.2, -0.3, -1), 0.3),
    "face": ((-0.24, 0.30, 0.50), (-0.2, 0, 1), 0.2),
    "cheek": ((-0.12, 0.26, 0.34), (-1, 0, -0.2), 0.3),
    "mouth": ((-0.30, 0.14, 0.46), (-0.1, 0, -1), 0.5),
    "crown": ((0.02, 0.58, 0.16), (-0.6, -0.8, 0), 0.7),
    "push": ((0.05, 0.02, 0.85), (0, 0.4, 1), 0.2),
    "offer": ((0.12, -0.30, 0.70), (-0.1, 1, 0.3), 0.0),
    "point": ((0.62, 0.35, 0.50), (0, -0.3, 1), 0.2),
    "salute": ((0.02, 0.42, 0.28), (-0.5, -0.6, 0.5), 0.5),
}
# Hand gestures: curl of the four fingers, spread, thumb.
HANDS: dict[str, tuple[tuple[float, float, float, float], float, float]] = {
    "open": ((0.02, 0.02, 0.02, 0.04), 0.14, 0.05),
    "flat": ((0.03, 0.03, 0.03, 0.03), 0.02, 0.3),
    "loose": ((0.18, 0.22, 0.26, 0.30), 0.08, 0.25),
    "claw": ((0.40, 0.42, 0.42, 0.40), 0.14, 0.2),
    "fist": ((0.92, 0.95, 0.95, 0.92), 0.02, 0.95),
    "point": ((0.02, 0.90, 0.92, 0.92), 0.04, 0.8),
    "two": ((0.02, 0.03, 0.92, 0.92), 0.16, 0.9),
    "three": ((0.02, 0.02, 0.03, 0.92), 0.12, 0.8),
    "horns": ((0.03, 0.90, 0.92, 0.05), 0.06, 0.7),
    "thumb": ((0.92, 0.93, 0.93, 0.92), 0.02, 0.0),
    "ring": ((0.55, 0.12, 0.06, 0.04), 0.10, 0.75),
}


def blend_keys(values: Array, starts: Array, times: Array) -> Array:
    """Values (K, ...) held at key times and eased between them, at `times` (N,) -> (N, ...).

    `starts` (K,) rise from 0; the first key comes again after the last interval, so that the
    sequence repeats with period starts[-1] + (starts[1] - starts[0]).
    """
    period = starts[-1] + (starts[1] - starts[0])
    t = np.mod(times, period)
    index = np.searchsorted(starts, t, side="right") - 1
    following = (index + 1) % len(starts)
    width = np.append(np.diff(starts), period - starts[-1])[index]
    u = (t - starts[index]) / width
    ease = u * u * u * (u * (6 * u - 15) + 10)  # velocity and acceleration vanish at the keys
    ease = (0.25 * u + 0.75 * ease).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(values[index] * (1 - ease) + values[following] * ease)


class _Drift:
    """Smooth random channels: sums of three sines of random speed and phase."""

    def __init__(self, rng: np.random.Generator, channels: int, speed: float = 1.0) -> None:
        self.rate = rng.uniform(0.6, 3.2, (3, channels)) * speed
        self.phase = rng.uniform(0, 2 * np.pi, (3, channels))
        self.size = rng.uniform(0.15, 0.5, (3, channels))

    def __call__(self, times: Array) -> Array:
        waves = self.size * np.sin(times[:, None, None] * self.rate + self.phase)
        return np.asarray(np.clip(waves.sum(1), -1, 1))


def _arm_keys(rng: np.random.Generator, count: int, mirrored: bool) -> tuple[Array, Array, Array]:
    names = list(ARMS)
    wrist, palm, swivel = np.zeros((count, 2, 3)), np.zeros((count, 2, 3)), np.zeros((count, 2))
    for k in range(count):
        for side in (0, 1):
            if side == 1 and (mirrored or rng.random() < 0.3):
                wrist[k, 1], palm[k, 1], swivel[k, 1] = wrist[k, 0], palm[k, 0], swivel[k, 0]
                continue
            if rng.random() < 0.25:  # anywhere a hand can be in front of or beside the body
                wrist[k, side] = rng.uniform((-0.55, -0.9, 0.2), (0.9, 0.9, 0.75))
                palm[k, side] = rng.normal(0, 1, 3) + np.array([0, 0, 0.8])
                swivel[k, side] = rng.uniform(-0.2, 0.9)
                continue
            at, look, turn = ARMS[names[int(rng.integers(len(names)))]]
            wrist[k, side] = np.array(at) + rng.normal(0, 0.06, 3)
            palm[k, side] = np.array(look) + rng.normal(0, 0.30, 3)
            if rng.random() < 0.12:
                palm[k, side] *= -1
            swivel[k, side] = turn + rng.normal(0, 0.15)
    return wrist, palm, swivel


def _hand_keys(rng: np.random.Generator, count: int) -> Array:
    """Curl, spread and thumb of both hands, (K, 2, 6)."""
    keys = np.zeros((count, 2, 6))
    names = list(HANDS)
    for k in range(count):
        for side in (0, 1):
            curl, spread, thumb = HANDS[names[int(rng.integers(len(names)))]]
            keys[k, side] = (*curl, spread, thumb)
            if rng.random() < 0.3:
                keys[k, side, :4] = rng.uniform(0, 0.95, 4)
    return np.clip(keys + rng.normal(0, 0.03, keys.shape), 0, 1)


def _times(rng: np.random.Generator, count: int, low: float, high: float) -> Array:
    gaps = rng.uniform(low, high, count)
    return np.asarray(np.cumsum(gaps) - gaps[0])


def random_motion(rng: np.random.Generator) -> Motion:
    """A smooth motion of its own: steps, waves, raised arms, hands before body and face."""
    count = 10
    pace = rng.uniform(0.75, 1.5)
    wrist, palm, swivel = _arm_keys(rng, count, bool(rng.random() < 0.25))
    arm_times = _times(rng, count, 0.45 * pace, 1.1 * pace)
    hands, hand_times = _hand_keys(rng, count), _times(rng, count, 0.35 * pace, 0.9 * pace)
    drift, tremble = _Drift(rng, 16), _Drift(rng, 12, 1.7)
    turn = rng.uniform(-0.35, 0.35) if rng.random() < 0.7 else rng.uniform(-0.7, 0.7)
    steps = _steps(rng)
    size = rng.uniform(0.4, 1.0)

    def motion(times: Array) -> Pose:
        t = np.atleast_1d(np.asarray(times, dtype=np.float64))
        d, w = drift(t), tremble(t)
        fingers = blend_keys(hands, hand_times, t)
        at = blend_keys(wrist, arm_times, t)
        at = at + 0.05 * size * w[:, :6].reshape(-1, 2, 3)
        at[..., 2] = np.maximum(at[..., 2], _clearance(at))
        ankle, root, heel, place = steps(t)
        root = root + np.stack([0.03 * d[:, 0], 0.02 * d[:, 1] - 0.02, 0.02 * d[:, 2]], -1) * size
        return batch(
            place=place,
            root=root,
            yaw=np.clip(turn + 0.25 * size * d[:, 3], -0.75, 0.75),
            tilt=0.07 * size * d[:, 4],
            spine=np.stack([0.22 * d[:, 5], 0.13 * d[:, 6], 0.05 + 0.10 * d[:, 7]], -1) * size,
            head=np.stack([0.45 * d[:, 8], 0.04 + 0.18 * d[:, 9], 0.16 * d[:, 10]], -1) * size,
            shrug=0.012 * (1 + w[:, 6:8]),
            wrist=at,
            swivel=blend_keys(swivel, arm_times, t),
            palm=blend_keys(palm, arm_times, t),
            flex=0.35 * w[:, 8:10],
            deviate=0.18 * w[:, 10:12],
            curl=fingers[..., :4],
            spread=fingers[..., 4],
            thumb=fingers[..., 5],
            ankle=ankle,
            heel=heel,
            knee=0.14 + 0.10 * np.stack([d[:, 11], d[:, 12]], -1),
            mouth=np.clip(d[:, 13] - 0.3, 0, 1),
            blink=np.clip(12 * d[:, 14] - 10, 0, 1),
            gaze=0.8 * d[:, 15],
        )

    return motion


def _clearance(wrist: Array) -> Array:
    """How far forward a wrist must be to stay outside the torso, in arm lengths."""
    inward = np.clip((0.15 - wrist[..., 0]) / 0.2, 0, 1)
    level = np.clip((0.35 - wrist[..., 1]) / 0.15, 0, 1)
    return np.asarray(-0.1 + 0.42 * inward * level)


def _steps(rng: np.random.Generator) -> Callable[[Array], tuple[Array, Array, Array, Array]]:
    """Footwork: standing, swaying from side to side, marching on the spot, knees bending."""
    kind = ("stand", "side", "march", "bounce")[int(rng.integers(4))]
    rate, phase = 2 * np.pi * rng.uniform(0.35, 0.8), rng.uniform(0, 2 * np.pi)
    stance, lift = rng.uniform(0.09, 0.24), rng.uniform(0.04, 0.22)
    ahead = rng.uniform(-0.05, 0.06, 2)
    travel = rng.uniform(0.03, 0.10)
    place_x = rng.uniform(-0.05, 0.05)

    def steps(t: Array) -> tuple[Array, Array, Array, Array]:
        angle = rate * t + phase
        both = np.stack([np.sin(angle), -np.sin(angle)], -1)
        up = np.maximum(both, 0) ** 2 * (lift if kind in ("side", "march") else 0.0)
        heel = np.clip(2.5 * up, 0, 0.7)
        aside = stance + (0.06 * np.maximum(both, 0) if kind == "side" else 0 * both)
        ankle = np.stack([aside, up, ahead + 0.5 * up], -1)
        shift = -np.sin(angle) * (travel if kind == "side" else 0.35 * travel)
        low = (
            0.06 * (1 - np.cos(2 * angle)) if kind == "bounce" else 0.012 * (1 - np.cos(2 * angle))
        )
        root = np.stack([shift, -low - 0.35 * max(stance - 0.15, 0) + 0 * t, 0 * t], -1)
        place = np.stack([place_x + 0.4 * shift, 0 * t, 0 * t], -1)
        return ankle, root, heel, place

    return steps


def still(pose: Pose) -> Motion:
    """A motion that holds one pose."""

    def motion(times: Array) -> Pose:
        count = len(np.atleast_1d(times))
        return batch(**{k: np.repeat(np.asarray(v)[None], count, 0) for k, v in vars(pose).items()})

    return motion
