"""The motion library: kinds of motion composed of gestures, footwork and turns of the body.

Every kind starts from `random_motion`, so that nothing ever stands quite still, and lays its own
keys for arms and hands, feet or heading over it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .linalg import Array
from .motion import ARMS, HANDS, Motion, blend_keys, random_motion
from .pose import Pose
from .wardrobe import pick

# Arm gestures by theme; a gesture of the left and one of the right arm.
Pair = tuple[str, str]
HIPS: tuple[Pair, ...] = (
    ("hip", "hip"), ("hip", "up"), ("wave", "hip"), ("hip", "down"), ("hip", "face"),
)  # fmt: skip
CROSSING: tuple[Pair, ...] = (
    ("cross", "cross"), ("chest", "cross"), ("shoulder", "shoulder"), ("belly", "chest"),
    ("cross", "down"), ("shoulder", "hip"), ("belly", "belly"), ("chest", "chest"),
)  # fmt: skip
FACING: tuple[Pair, ...] = (
    ("face", "face"), ("cheek", "down"), ("mouth", "mouth"), ("salute", "hip"), ("cheek", "cheek"),
    ("face", "belly"), ("crown", "crown"), ("mouth", "chest"),
)  # fmt: skip
RAISED: tuple[Pair, ...] = (
    ("up", "up"), ("vee", "vee"), ("up", "wide"), ("crown", "up"), ("wide", "wide"), ("vee", "hip"),
)  # fmt: skip
SHOWING: tuple[Pair, ...] = (
    ("wave", "bent"), ("bent", "bent"), ("push", "push"), ("offer", "bent"), ("point", "down"),
    ("wave", "wave"), ("offer", "offer"), ("point", "push"),
)  # fmt: skip
HANGING: tuple[Pair, ...] = (("down", "down"), ("down", "out"), ("out", "out"))
LAP: tuple[Pair, ...] = (("belly", "belly"), ("offer", "belly"), ("belly", "offer"))


def _arms(
    rng: np.random.Generator, themes: Sequence[Sequence[Pair]], low: float, high: float
) -> Callable[[Motion], Motion]:
    """Arms that go from gesture to gesture, a new one every `low` to `high` seconds."""
    count = 8
    rows = []
    for _ in range(count):
        theme = themes[int(rng.integers(len(themes)))]
        pair = theme[int(rng.integers(len(theme)))]
        pair = pair if rng.random() < 0.5 else (pair[1], pair[0])
        rows.append([(*ARMS[name][0], *ARMS[name][1], ARMS[name][2]) for name in pair])
    keys = np.array(rows) + rng.normal(0, 0.05, (count, 2, 7))
    times = np.cumsum(rng.uniform(low, high, count))
    times -= times[0]

    def dress(motion: Motion) -> Motion:
        def arms(t: Array) -> Pose:
            pose, at = motion(t), blend_keys(keys, times, np.atleast_1d(t))
            return replace(pose, wrist=at[..., :3], palm=at[..., 3:6], swivel=at[..., 6])

        return arms

    return dress


def _fingers(rng: np.random.Generator, low: float, high: float) -> Callable[[Motion], Motion]:
    """Fingers that play: every finger by itself, or signs one after the other."""
    count, single = 14, rng.random() < 0.5
    keys = np.zeros((count, 2, 6))
    for k in range(count):
        for side in (0, 1):
            curl, spread, thumb = HANDS[pick(rng, tuple(HANDS))]
            keys[k, side] = (*curl, spread, thumb)
            if single:
                keys[k, side, :4] = rng.random(4) * (rng.random(4) < 0.6)
    times = np.cumsum(rng.uniform(low, high, count))
    times -= times[0]

    def dress(motion: Motion) -> Motion:
        def fingers(t: Array) -> Pose:
            at = blend_keys(keys, times, np.atleast_1d(t))
            return replace(motion(t), curl=at[..., :4], spread=at[..., 4], thumb=at[..., 5])

        return fingers

    return dress


def _walk(rng: np.random.Generator) -> Callable[[Motion], Motion]:
    """Walking or running on the spot or across the picture, the arms against the legs."""
    rate, stride = 2 * np.pi * rng.uniform(0.7, 1.5), rng.uniform(0.12, 0.34)
    lift, swing = rng.uniform(0.05, 0.16), rng.uniform(0.12, 0.45)
    bent, across = rng.uniform(0.0, 0.5), rng.uniform(0.0, 0.25)
    phase = rng.uniform(0, 2 * np.pi)

    def dress(motion: Motion) -> Motion:
        def walk(t: Array) -> Pose:
            pose, angle = motion(t), rate * np.atleast_1d(t) + phase
            both = np.stack([angle, angle + np.pi], -1)
            up = lift * np.maximum(np.cos(both), 0) ** 2
            ankle = np.stack([0.10 + 0 * up, up, stride * np.sin(both)], -1)
            ahead = -swing * np.sin(both)
            arm = np.stack([0.22 + 0 * up, -0.88 + bent + 0.25 * ahead, 0.12 + ahead], -1)
            sink = 0.55 * stride**2 + 0.02 * np.cos(2 * angle)
            root = np.stack([0.02 * np.sin(angle), -0.02 - sink, 0 * angle], -1)
            place = np.stack([across * np.sin(0.4 * angle), 0 * angle, 0 * angle], -1)
            heel = np.clip(-1.2 * np.sin(both), 0, 0.6) * (up < 0.3 * lift)
            return replace(pose, ankle=ankle, wrist=arm, root=root, place=place, heel=heel)

        return walk

    return dress


def _heading(rng: np.random.Generator, spin: bool) -> Callable[[Motion], Motion]:
    """The whole body turned aside, seldom all round; or turning."""
    widest = float(pick(rng, (0.25, 0.8, 1.6, np.pi), (6, 3, 0.7, 0.3)))
    side = rng.uniform(-widest, widest)
    speed = rng.choice((-1, 1)) * rng.uniform(0.6, 3.0) if spin else 0.0
    swing, rate = rng.uniform(0, 0.5) * (rng.random() < 0.4), rng.uniform(0.5, 2.0)

    def dress(motion: Motion) -> Motion:
        def heading(t: Array) -> Pose:
            pose, now = motion(t), np.atleast_1d(t)
            return replace(pose, yaw=pose.yaw + side + speed * now + swing * np.sin(rate * now))

        return heading

    return dress


def _seat(rng: np.random.Generator) -> Callable[[Motion], Motion]:
    """Sitting on a stool, the feet before it."""
    apart, ahead, low = rng.uniform(0.10, 0.26), rng.uniform(0.28, 0.42), rng.uniform(0.34, 0.40)

    def dress(motion: Motion) -> Motion:
        def seat(t: Array) -> Pose:
            pose = motion(t)
            ankle = np.broadcast_to([apart, 0.0, ahead], pose.ankle.shape)
            root = pose.root * 0.3 + np.array([0.0, -low, 0.0])
            zero = np.zeros_like(pose.heel)
            return replace(pose, ankle=ankle, root=root, heel=zero, place=pose.place * 0)

        return seat

    return dress


def library_motion(rng: np.random.Generator, seated: bool = False) -> tuple[Motion, str]:
    """A motion and what it is called, e.g. "dancing"."""
    motion = random_motion(rng)
    name = pick(rng, tuple(_SHARES), tuple(_SHARES.values()))
    if seated and name in ("walking", "turning round"):
        name = "gesturing"
    quick = float(pick(rng, (1.0, 0.6, 1.8), (4, 2, 1)))  # seconds a gesture, as a factor
    themes: tuple[Sequence[Pair], ...] = _THEMES.get(name, ())
    if seated:
        themes = (*themes, LAP)
    if themes:
        motion = _arms(rng, themes, 0.35 * quick, 0.9 * quick)(motion)
    if name == "playing with the fingers":
        motion = _fingers(rng, 0.12, 0.45)(motion)
    if name == "walking":
        motion = _walk(rng)(motion)
    if seated:
        motion = _seat(rng)(motion)
    return _heading(rng, name == "turning round")(motion), name


_SHARES = {
    "moving freely": 0.24,
    "gesturing": 0.14,
    "standing with hands on the hips": 0.09,
    "crossing the arms": 0.12,
    "touching the face": 0.10,
    "raising the arms": 0.09,
    "playing with the fingers": 0.07,
    "walking": 0.09,
    "turning round": 0.03,
    "standing": 0.03,
}
_THEMES: dict[str, tuple[Sequence[Pair], ...]] = {
    "gesturing": (SHOWING, SHOWING, HANGING),
    "standing with hands on the hips": (HIPS,),
    "crossing the arms": (CROSSING,),
    "touching the face": (FACING,),
    "raising the arms": (RAISED, RAISED, SHOWING),
    "playing with the fingers": (SHOWING, CROSSING),
    "turning round": (HANGING, RAISED, HIPS),
    "standing": (HANGING,),
}
