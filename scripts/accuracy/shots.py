"""The clips of the accuracy benchmark: who dances what, seen how."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from animate.training.synthetic import (
    Character,
    Motion,
    Pose,
    batch,
    random_character,
    random_motion,
)
from animate.training.synthetic.cast import DANCER, HERO
from animate.training.synthetic.dance import dance

Floats = NDArray[np.float64]

FRAMES = 28  # of a clip
FACING = np.radians(60)  # the standard set looks at most so far aside
SHUTTER = (0.0, 0.17, 0.33, 0.5)  # moments of a blurred frame, in parts of the frame interval


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A clip to be rendered; character and motion are names or seeds."""

    name: str
    group: str = "standard"
    character: str | int = "dancer"
    costume: bool = False  # random characters wear gloves and masks, too
    motion: str | int = "dance"
    start: float = 0.0  # seconds into the motion
    speed: float = 1.0
    turn: float = 0.0  # degrees that the whole body is turned aside
    size: tuple[int, int] = (432, 768)
    fill: float = 0.74
    middle: float = 0.95  # metres above the floor at the picture's middle
    fps: int = 24
    crf: int = 20  # of H.264
    blurred: bool = False


STANDARD = (
    Shot(name="hold", character=1, motion="hold", turn=15, crf=23),
    Shot(name="wave", character=2, motion="wave", turn=-25, fps=30, crf=23),
    Shot(name="dancer", size=(576, 768)),
    Shot(name="hero", character="hero", start=1.5, turn=-20, crf=23),
    Shot(name="lively", character=3, start=0.4, speed=1.6, turn=25, size=(576, 768), fps=30),
    Shot(name="aside", character=4, start=2.2, turn=42),
    Shot(name="far-aside", character=5, start=3.0, turn=-50, fps=30),
    Shot(name="random-1", character=6, motion=1, size=(576, 768)),
    Shot(name="random-2", character=7, motion=2, turn=-15, crf=18, size=(576, 768)),
    Shot(name="random-3", character=8, motion=3, speed=0.6, turn=20, size=(576, 768)),
    Shot(name="random-4", character=9, motion=4, speed=1.5, size=(576, 768), fps=30),
    Shot(name="random-5", character=10, motion=5, turn=-35, crf=23, size=(576, 768)),
)
MORE = tuple(
    Shot(
        name=f"more-{seed}",
        character=seed,
        motion=seed,
        turn=(-45, 0, 30, -15)[seed % 4],
        speed=(1.0, 0.7, 1.4)[seed % 3],
        size=(576, 768),
    )
    for seed in range(20, 32)
)
HARD = (
    Shot(name="profile", group="strong yaw", character=3, turn=85),
    Shot(name="behind", group="strong yaw", character=5, turn=135),
    Shot(name="blur", group="motion blur", speed=1.8, blurred=True),
    Shot(name="blur-2", group="motion blur", character=8, motion=4, speed=1.8, blurred=True),
    Shot(name="crushed", group="compression", crf=36),
    Shot(name="crushed-2", group="compression", character=4, motion=2, crf=36, size=(576, 768)),
    Shot(name="waist", group="upper body", character=6, fill=1.6, middle=1.35, size=(576, 576)),
    Shot(name="waist-2", group="upper body", character=9, motion=1, fill=1.6, middle=1.35,
         size=(576, 576)),
    Shot(name="costume", group="costumes", character=5, costume=True, start=3.0, turn=-40),
    Shot(name="costume-2", group="costumes", character=10, costume=True, motion=5, turn=-35),
    Shot(name="small", group="small", character=7, fill=0.34, size=(576, 768)),
)  # fmt: skip


def character_of(shot: Shot) -> Character:
    if isinstance(shot.character, str):
        return {"dancer": DANCER, "hero": HERO}[shot.character]
    someone = random_character(np.random.default_rng(shot.character))
    if shot.costume:
        return someone
    paints = {name: paint for name, paint in someone.paints.items() if name != "hand"}
    outfit, face = replace(someone.outfit, gloves=0.0), replace(someone.face, mask="none")
    return replace(someone, outfit=outfit, face=face, paints=paints)


def _motion(name: str | int) -> Motion:
    if isinstance(name, int):
        return random_motion(np.random.default_rng(name))
    return {"dance": dance, "hold": _hold, "wave": _wave}[name]


def _hold(times: Floats) -> Pose:
    """Stands still with both hands shown."""
    wrist = np.array([[0.55, -0.30, 0.35], [0.50, 0.45, 0.30]])
    palm = np.array([[0.0, 0.1, 1.0], [0.0, 0.1, 1.0]])
    count = len(times)
    return batch(wrist=np.tile(wrist, (count, 1, 1)), palm=np.tile(palm, (count, 1, 1)))


def _wave(times: Floats) -> Pose:
    """Stands still but for the right arm, which waves."""
    pose = _hold(times)
    wrist = pose.wrist.copy()
    wrist[:, 1, 0] += 0.16 * np.sin(7 * times)
    return replace(pose, wrist=wrist)


def poses_of(shot: Shot) -> tuple[Pose, int]:
    """The poses at every moment that is rendered, and how many of them make a frame."""
    moments = np.array(SHUTTER if shot.blurred else (0.0,))
    times = shot.start + (np.arange(FRAMES)[:, None] + moments).ravel() / shot.fps * shot.speed
    pose = _motion(shot.motion)(times)
    yaw, twist = pose.yaw + np.radians(shot.turn), pose.spine[:, 0]
    if shot.group != "strong yaw":  # neither hips nor chest nor face turn away farther
        ahead = np.stack([0 * twist, twist, twist + pose.head[:, 0]])
        yaw = yaw.clip(-FACING - ahead.min(axis=0), FACING - ahead.max(axis=0))
    return replace(pose, yaw=yaw), len(moments)
