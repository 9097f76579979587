"""The rendered corpus as a source of samples: clips for the denoiser, crops for the autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from animate.training.corpus import ClipStack
from animate.training.data import Sample
from pose.bones import Pose
from pose.draw import draw
from pose.figure import fill
from pose.puppet import Puppet, find_figure
from pose.skeleton import FACE, LEFT_HAND, RIGHT_HAND

# How much an error on each part counts, by its id: background, body, hand, head. Hands and head are
# a few hundredths of the picture, and what a viewer looks at.
PART_WEIGHTS = np.array([1.0, 4.0, 9.0, 7.0], np.float32)

# What a tracker does to a skeleton: noise in short sides of the picture, share of frames in which
# a hand or the face is not found.
JITTER = 0.004
HAND_LOSS = 0.08
FACE_LOSS = 0.08
REFERENCE_LOSS = 0.1  # and of references of which no skeleton is known

CROP = 80  # pixels; the network is convolutional, and crops around the figure teach more a second


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentStack:
    """A stack of clips with its latents ``(C, T, c, h, w)`` in half precision."""

    clips: ClipStack
    latents: Tensor


class ClipSource:
    """Clips of ``frames`` consecutive frames, each with another still of the same character as
    its reference, whose pose says nothing about the target's.

    drafts: also bend the reference into each frame's pose.
    """

    def __init__(self, stacks: Sequence[LatentStack], frames: int, *, drafts: bool = False) -> None:
        self.stacks, self.frames, self.drafts = stacks, frames, drafts
        self.shares = _shares([len(stack.clips) for stack in stacks])
        self._figures: dict[tuple[str, int], NDArray[np.uint8]] = {}

    def bucket(self, rng: np.random.Generator) -> LatentStack:
        """See ``data.Source``."""
        return self.stacks[rng.choice(len(self.stacks), p=self.shares)]

    def sample(self, bucket: LatentStack, rng: np.random.Generator) -> Sample:
        """See ``data.Source``."""
        clips = bucket.clips
        clip = int(rng.integers(len(clips)))
        shown, reference = _choose_frames(clips, self.frames, rng)
        latents: NDArray[np.float16] = bucket.latents[clip].numpy()
        poses = [_tracked(clips, clip, index, rng) for index in shown]
        own = _tracked(clips, clip, reference, rng)
        picture, size = clips.frames[clip, reference], (clips.bucket.width, clips.bucket.height)
        own = own[0], own[1] * (rng.random() >= REFERENCE_LOSS)
        drafts = None
        if self.drafts:
            puppet = Puppet(picture, own, self._figure(clips, clip, reference), complete=fill)
            drafts = np.stack([puppet.bend(pose) for pose in poses])
        return Sample(
            control=np.stack([draw(*pose, size, look="soft") for pose in poses]),
            reference=picture,
            reference_control=draw(*own, size, look="soft"),
            drafts=drafts,
            latents=latents[shown],
            reference_latents=latents[reference],
            weight=PART_WEIGHTS[clips.parts[clip, shown]],
            name=clips.names[clip],
        )

    def _figure(self, clips: ClipStack, clip: int, index: int) -> NDArray[np.bool_]:
        """Which pixels (H, W) of a frame are found to be the figure's; found once, kept as bits."""
        key, picture = (clips.names[clip], index), clips.frames[clip, index]
        if key not in self._figures:
            pose = clips.keypoints[clip, index][None], clips.scores[clip, index][None]
            self._figures[key] = np.packbits(find_figure(picture, pose))
        bits = np.unpackbits(self._figures[key], count=picture[..., 0].size)
        return bits.reshape(picture.shape[:2]).astype(bool)


class CropSource:
    """Square crops of single frames; two in three are centred on a pixel of the figure."""

    def __init__(self, stacks: Sequence[ClipStack], side: int = CROP) -> None:
        self.stacks, self.side = stacks, side
        self.shares = _shares([len(stack) for stack in stacks])

    def bucket(self, rng: np.random.Generator) -> None:
        """See ``data.Source``; crops of all sizes of clips go together."""

    def sample(self, bucket: None, rng: np.random.Generator) -> Sample:
        """See ``data.Source``."""
        stack = self.stacks[rng.choice(len(self.stacks), p=self.shares)]
        clip, frame = rng.integers(len(stack)), rng.integers(stack.frames.shape[1])
        top, left = self._corner(stack.parts[clip, frame], rng)
        window = (slice(top, top + self.side), slice(left, left + self.side))
        picture = stack.frames[clip, frame][window][None]
        return Sample(
            control=picture,
            reference=picture[0],
            frames=picture,
            weight=PART_WEIGHTS[stack.parts[clip, frame][window]][None],
            name=stack.names[clip],
        )

    def _corner(self, parts: NDArray[np.uint8], rng: np.random.Generator) -> tuple[int, int]:
        side, (height, width) = self.side, parts.shape
        top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        figure = np.argwhere(parts > 0)
        if len(figure) and rng.random() < 2 / 3:
            y, x = figure[rng.integers(len(figure))]
            top = int(np.clip(y - side // 2, 0, height - side))
            left = int(np.clip(x - side // 2, 0, width - side))
        return top, left


def track_like(
    keypoints: NDArray[np.float32],
    scores: NDArray[np.float32],
    short_side: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Exact keypoints (133, 2) and scores (133,) as a tracker might have found them."""
    noise = rng.normal(scale=JITTER * short_side, size=keypoints.shape)
    scores = scores.copy()
    for part, loss in ((LEFT_HAND, HAND_LOSS), (RIGHT_HAND, HAND_LOSS), (FACE, FACE_LOSS)):
        # The points of a hand or face move together far more than apart.
        noise[part] = noise[part] * 0.3 + rng.normal(scale=JITTER * short_side, size=2)
        if rng.random() < loss:
            scores[part] = 0.0
    return (keypoints + noise).astype(np.float32), scores


def _choose_frames(
    clips: ClipStack, frames: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], int]:
    """Which frames are shown, and which still is the reference: never one that is shown."""
    total, moving = clips.frames.shape[1], clips.moving
    if frames == 1:
        shown = rng.integers(total, size=1)
    else:
        shown = rng.integers(moving - frames + 1) + np.arange(frames)
    stills = np.setdiff1d(np.arange(moving, total), shown)
    return shown, int(rng.choice(stills))


def _tracked(clips: ClipStack, clip: int, index: int, rng: np.random.Generator) -> Pose:
    """Keypoints (1, 133, 2) and scores (1, 133) of a frame, as a tracker might find them."""
    short_side = min(clips.bucket.width, clips.bucket.height)
    points, scores = track_like(
        clips.keypoints[clip, index], clips.scores[clip, index], short_side, rng
    )
    return points[None], scores[None]


def _shares(counts: Sequence[int]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.array(counts, float) / sum(counts)
    return shares
