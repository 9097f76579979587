"""Forward kinematics: poses and builds to one coordinate frame per rigid part of the body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from .hand import SEGMENTS, finger_frames
from .linalg import Array, apply, basis, turn, two_bone
from .pose import SIDES, Pose

# Metres of the standard build (1.75 m tall); proportions after the Drillis-Contini body segment
# table (Winter, Biomechanics and Motor Control of Human Movement, fig. 4.1), rounded by eye.
HIP_HEIGHT = 0.905
HIP_HALF = 0.088
WAIST = 0.16  # pivot of the spine above the hips
SHOULDER = (0.172, 0.345)  # half width, height above the waist pivot
NECK = (0.0, 0.335, -0.015)
HEAD = (0.0, 0.485, 0.018)  # base of the skull above the waist pivot
SKULL = 0.055  # centre of the head above that base, scaled by the head
UPPER_ARM, FOREARM = 0.285, 0.250
THIGH, SHIN, ANKLE = 0.432, 0.420, 0.062
ELBOW_HINT = (0.55, -0.75, -0.40)  # outward, up, forward: where an elbow likes to point

_Put = Callable[[str, Array, Array], None]

BODY_FRAMES = ("pelvis", "chest", "neck", "head")
LIMB_FRAMES = ("upper", "fore", "hand", *(f"finger{i}" for i in range(SEGMENTS)))
LEG_FRAMES = ("thigh", "shin", "foot")
FRAMES: dict[str, int] = {
    name: i
    for i, name in enumerate(
        BODY_FRAMES + tuple(f"{f}{s}" for s in "LR" for f in LIMB_FRAMES + LEG_FRAMES)
    )
}


@dataclass(frozen=True, kw_only=True)
class Build:
    """Proportions as factors of the standard body; 1 is average."""

    height: float = 1.0  # everything
    girth: float = 1.0  # thickness of torso and limbs
    belly: float = 1.0
    shoulders: float = 1.0
    hips: float = 1.0
    arms: float = 1.0  # length
    legs: float = 1.0  # length
    head: float = 1.12
    hands: float = 1.12
    bust: float = 0.0  # 0 none, 1 full


@dataclass(frozen=True)
class Skeleton:
    """Frames of N posed bodies: `origin` (N, F, 3) metres and `axes` (N, F, 3, 3), columns x y z.

    Limb frames sit at the nearer joint with y along the bone; `build` holds (N,) factors.
    """

    origin: Array
    axes: Array
    build: dict[str, Array]

    def point(self, frame: str, local: Sequence[float] | Array) -> Array:
        """World position (N, 3) of a point given in the coordinates of a frame, (3,) or (N, 3)."""
        i = FRAMES[frame]
        return self.origin[:, i] + apply(self.axes[:, i], np.asarray(local, dtype=np.float64))


def pose_skeleton(poses: Pose, builds: Sequence[Build]) -> Skeleton:
    """Place every frame of N bodies; `poses` is a batch of N, `builds` has N entries."""
    build = {f.name: np.array([getattr(b, f.name) for b in builds]) for f in fields(Build)}
    count = len(builds)
    origin, axes = np.zeros((count, len(FRAMES), 3)), np.zeros((count, len(FRAMES), 3, 3))

    def put(name: str, at: Array, matrix: Array) -> None:
        origin[:, FRAMES[name]], axes[:, FRAMES[name]] = at, matrix

    _place_trunk(poses, build, put)
    skeleton = Skeleton(origin, axes, build)
    for side in (0, 1):
        _place_arm(poses, skeleton, side, put)
        _place_leg(poses, skeleton, side, put)
    scale = build["height"][:, None, None]
    return Skeleton(origin * scale, axes, build)


def _place_trunk(poses: Pose, build: dict[str, Array], put: _Put) -> None:
    heading = turn(1, poses.yaw)
    pelvis = heading @ turn(2, poses.tilt)
    hip = HIP_HEIGHT + (THIGH + SHIN) * (build["legs"] - 1)
    at = poses.place + apply(heading, poses.root) + np.stack([0 * hip, hip, 0 * hip], -1)
    put("pelvis", at, pelvis)
    twist, lean, bend = np.moveaxis(poses.spine, -1, 0)
    chest = pelvis @ turn(1, twist) @ turn(2, lean) @ turn(0, bend)
    waist = at + apply(pelvis, np.array([0.0, WAIST, 0.0]))
    put("chest", waist, chest)
    side, nod, tip = np.moveaxis(poses.head, -1, 0)
    half = chest @ turn(1, side / 2) @ turn(0, nod / 2) @ turn(2, tip / 2)
    put("neck", waist + apply(chest, np.array(NECK)), half)
    head = chest @ turn(1, side) @ turn(0, nod) @ turn(2, tip)
    skull = np.array([0.0, SKULL, 0.0]) * build["head"][:, None]
    put("head", waist + apply(chest, np.array(HEAD)) + apply(head, skull), head)


def _place_arm(poses: Pose, skeleton: Skeleton, side: int, put: _Put) -> None:
    name, build, out = "LR"[side], skeleton.build, np.array([SIDES[side], 1.0, 1.0])
    chest = skeleton.axes[:, FRAMES["chest"]]
    upper, fore = UPPER_ARM * build["arms"], FOREARM * build["arms"]
    joint = np.zeros((len(upper), 3))
    joint[:, 0] = SIDES[side] * SHOULDER[0] * build["shoulders"]
    joint[:, 1] = SHOULDER[1] + poses.shrug[:, side]
    shoulder = skeleton.point("chest", joint)
    target = shoulder + apply(chest, poses.wrist[:, side] * out) * (upper + fore)[:, None]
    angle = poses.swivel[:, side]
    hint = np.stack(
        [
            ELBOW_HINT[0] * np.cos(angle) - ELBOW_HINT[1] * np.sin(angle),
            ELBOW_HINT[1] * np.cos(angle) + ELBOW_HINT[0] * np.sin(angle),
            np.full_like(angle, ELBOW_HINT[2]),
        ],
        -1,
    )
    elbow, wrist, pole = two_bone(shoulder, target, upper, fore, apply(chest, hint * out))
    put(f"upper{name}", shoulder, basis(elbow - shoulder, -pole))
    put(f"fore{name}", elbow, basis(wrist - elbow, -pole))
    # a little of the elbow's own flexion keeps the palm defined when the forearm points along it
    palm = apply(chest, poses.palm[:, side] * out) - 0.12 * pole
    rest = basis(wrist - elbow, palm)
    thumb = -SIDES[side]
    hand = rest @ turn(0, poses.flex[:, side]) @ turn(2, -thumb * poses.deviate[:, side])
    put(f"hand{name}", wrist, hand)
    size = build["hands"]
    starts, frames = finger_frames(
        poses.curl[:, side], poses.spread[:, side], poses.thumb[:, side], thumb
    )
    for i in range(SEGMENTS):
        at = wrist + apply(hand, starts[:, i] * size[:, None])
        put(f"finger{i}{name}", at, hand @ frames[:, i])


def _place_leg(poses: Pose, skeleton: Skeleton, side: int, put: _Put) -> None:
    name, build, out = "LR"[side], skeleton.build, np.array([SIDES[side], 1.0, 1.0])
    joint = np.zeros((len(build["hips"]), 3))
    joint[:, 0] = SIDES[side] * HIP_HALF * build["hips"]
    hip = skeleton.point("pelvis", joint)
    heading = turn(1, poses.yaw)
    floor = poses.ankle[:, side] * out + np.array([0.0, ANKLE, 0.0])
    target = poses.place + apply(heading, floor)
    splay = poses.knee[:, side]
    forward = np.stack([SIDES[side] * np.sin(splay), 0 * splay, np.cos(splay)], -1)
    thigh, shin = THIGH * build["legs"], SHIN * build["legs"]
    knee, ankle, pole = two_bone(hip, target, thigh, shin, apply(heading, forward))
    put(f"thigh{name}", hip, basis(knee - hip, pole))
    put(f"shin{name}", knee, basis(ankle - knee, pole))
    toes = heading @ turn(1, SIDES[side] * poses.toe[:, side]) @ turn(0, poses.heel[:, side])
    put(f"foot{name}", ankle, toes)
