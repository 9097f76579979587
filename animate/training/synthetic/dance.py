"""The choreography of the sample clip, and the stance of the hero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .linalg import Array
from .motion import HANDS, blend_keys
from .pose import REST, Pose, batch

BEATS_PER_MINUTE = 120
BEAT = 60 / BEATS_PER_MINUTE
BEATS = 8  # the dance repeats after two bars

# One key a beat: wrist of the left and of the right arm as (outward, up, forward), arm lengths.
# Hands stay within 0.6 m of the middle, so that a portrait of the whole figure holds them.
_WRISTS = (
    ((0.42, 0.05, 0.42), (0.42, 0.05, 0.42)),
    ((0.46, 0.66, 0.22), (0.46, 0.00, 0.34)),
    ((0.46, 0.00, 0.34), (0.46, 0.66, 0.22)),
    ((0.40, 0.64, 0.24), (0.40, 0.64, 0.24)),
    ((0.05, -0.12, 0.50), (0.50, 0.18, 0.40)),
    ((0.50, 0.18, 0.40), (0.05, -0.12, 0.50)),
    ((0.50, -0.60, 0.26), (0.20, 0.60, 0.36)),
    ((0.20, 0.60, 0.36), (0.50, -0.60, 0.26)),
)
_PALMS = tuple(((0.0, 0.1, 1.0), (0.0, 0.1, 1.0)) for _ in range(BEATS))
# Two keys a beat of fingers, by name, left and right.
_FINGERS = (
    "open open", "claw claw", "open loose", "two loose", "loose open", "loose two",
    "open open", "claw claw", "open horns", "open open", "horns open", "open open",
    "open point", "three open", "point open", "open three",
)  # fmt: skip


def dance(times: Array) -> Pose:
    """A lively dance on the spot with gesturing hands, at times (N,) in seconds."""
    t = np.atleast_1d(np.asarray(times, dtype=np.float64))
    beat = np.arange(BEATS) * BEAT
    angle = np.pi * t / BEAT  # half a turn a beat: left and right alternate
    sway, bounce = np.sin(angle), 0.5 - 0.5 * np.cos(2 * angle)
    wrist = blend_keys(np.array(_WRISTS), beat, t + 0.2 * BEAT)
    wave = np.sin(2 * angle[:, None] + np.array([0.0, np.pi / 2]))
    wrist = wrist + np.stack([0.03 * wave, 0.04 * np.roll(wave, 1, 1), 0 * wave], -1)
    names = [key.split() for key in _FINGERS]
    hands = np.array([[(*HANDS[n][0], HANDS[n][1], HANDS[n][2]) for n in pair] for pair in names])
    fingers = blend_keys(hands, np.arange(2 * BEATS) * BEAT / 2, t)
    zero = 0 * t
    return batch(
        place=np.stack([0.03 * np.sin(angle / 2), zero, zero], -1),
        root=np.stack([0.065 * sway, -0.035 - 0.045 * bounce, zero], -1),
        yaw=0.20 * np.sin(angle / 2 + 0.5),
        tilt=-0.07 * sway,
        spine=np.stack([0.14 * np.sin(angle + 0.6), 0.11 * sway, 0.03 + 0.05 * bounce], -1),
        head=np.stack(
            [0.16 * np.sin(angle / 2 + 0.9), 0.03 + 0.08 * bounce, -0.12 * np.sin(angle - 0.4)], -1
        ),
        shrug=0.014 * np.stack([bounce, bounce], -1),
        wrist=wrist,
        swivel=np.full((len(t), 2), 0.25) + 0.1 * wave,
        palm=blend_keys(np.array(_PALMS), beat, t),
        flex=0.16 * wave,
        deviate=0.14 * np.roll(wave, 1, 1),
        curl=fingers[..., :4],
        spread=fingers[..., 4],
        thumb=fingers[..., 5],
        ankle=_feet(sway),
        heel=np.clip(0.8 * np.stack([sway, -sway], -1) - 0.2, 0, 0.5),
        knee=np.full((len(t), 2), 0.22),
        toe=np.full((len(t), 2), 0.38),
        mouth=np.clip(0.25 + 0.35 * np.sin(angle / 2), 0, 1),
        blink=np.clip(14 * np.cos(np.pi * (t - 1.1) / (2 * BEAT)) - 13, 0, 1),
        gaze=0.3 * np.sin(angle / 4),
    )


def _feet(sway: Array) -> Array:
    """The foot away from the weight taps the floor beside the body, (N, 2, 3)."""
    both = np.stack([-sway, sway], -1)  # weight goes to the left where sway is positive
    free = np.clip(both, 0, 1)
    up = 0.05 * np.sin(np.pi * np.clip(free, 0, 1)) ** 2
    return np.stack([0.135 + 0.05 * free, up, 0.02 + 0.05 * free], -1)


HERO_STANCE = replace(
    REST,
    root=np.array([0.0, -0.025, 0.0]),
    spine=np.array([0.0, 0.0, -0.02]),
    head=np.array([0.05, 0.02, 0.0]),
    wrist=np.array([[0.50, -0.74, 0.16], [0.50, -0.74, 0.16]]),
    swivel=np.array([0.4, 0.4]),
    palm=np.array([[-0.35, 0.0, 1.0], [-0.35, 0.0, 1.0]]),
    curl=np.array([[0.10, 0.12, 0.14, 0.16], [0.10, 0.12, 0.14, 0.16]]),
    spread=np.array([0.13, 0.13]),
    thumb=np.array([0.1, 0.1]),
    ankle=np.array([[0.20, 0.0, 0.0], [0.20, 0.0, 0.0]]),
    toe=np.array([0.4, 0.4]),
)
