"""Batches for the animator: latents, reference, drawn skeletons and where errors weigh most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from animate.training.corpus import ClipStack
from pose.draw import draw
from pose.skeleton import FACE, LEFT_HAND, RIGHT_HAND

# How much an error on each part counts, by its id: background, body, hand, head. Hands and head are
# a few hundredths of the picture, and what a viewer looks at.
PART_WEIGHTS = (1.0, 4.0, 9.0, 7.0)

# What a tracker does to a skeleton: noise in short sides of the picture, share of frames in which
# a hand or the face is not found.
JITTER = 0.004
HAND_LOSS = 0.08
FACE_LOSS = 0.08


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """One training batch of B samples with F frames.

    latents (B, F, C, h, w); reference (B, C, h, w) latents; picture (B, 3, H, W) the reference in
    [-1, 1]; control (B, F, 3, H, W) in [0, 1]; weight (B, F, 1, h, w).
    """

    latents: Tensor
    reference: Tensor
    picture: Tensor
    control: Tensor
    weight: Tensor


def to_unit(frames: NDArray[np.uint8]) -> Tensor:
    """Pictures ``(..., H, W, 3)`` uint8 as ``(..., 3, H, W)`` in [-1, 1]."""
    return rearrange(torch.from_numpy(frames), "... h w c -> ... c h w").float() / 127.5 - 1


def part_weights(parts: NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
    """Loss weights ``(N, 1, h, w)`` at latent size from part ids ``(N, H, W)``."""
    table = torch.tensor(PART_WEIGHTS)
    weights = table[torch.from_numpy(parts).long()][:, None]
    # One cell of margin: an error just outside a finger is as visible as one on it.
    return F.max_pool2d(F.adaptive_avg_pool2d(weights, size), 3, stride=1, padding=1)


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


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentStack:
    """A stack of clips with its latents ``(C, T, c, h, w)`` in half precision."""

    clips: ClipStack
    latents: Tensor

    def batch(self, size: int, frames: int, rng: np.random.Generator) -> Batch:
        """Draw ``size`` samples of ``frames`` consecutive frames, each with a reference.

        The reference is another still of the same character: its pose says nothing about the
        target's.
        """
        clips, moving = self.clips, self.clips.moving
        which = rng.integers(0, len(clips), size)
        total = clips.frames.shape[1]
        if frames == 1:
            shown = rng.integers(0, total, (size, 1))
        else:
            shown = rng.integers(0, moving - frames + 1, (size, 1)) + np.arange(frames)
        reference = rng.integers(moving, total, size)
        taken = reference == shown[:, 0]
        reference[taken] = np.where(reference[taken] + 1 < total, reference[taken] + 1, moving)
        latents = self.latents[which[:, None], shown].float()
        parts = clips.parts[which[:, None], shown].reshape(-1, *clips.parts.shape[2:])
        weight = part_weights(parts, (latents.shape[-2], latents.shape[-1]))
        return Batch(
            latents=latents,
            reference=self.latents[which, reference].float(),
            picture=to_unit(clips.frames[which, reference]),
            control=self._control(which, shown, rng),
            weight=rearrange(weight, "(b f) c h w -> b f c h w", b=size),
        )

    def _control(
        self, which: NDArray[np.int64], shown: NDArray[np.int64], rng: np.random.Generator
    ) -> Tensor:
        clips = self.clips
        size = (clips.bucket.width, clips.bucket.height)
        drawn = []
        for clip, indices in zip(which, shown, strict=True):
            for index in indices:
                points, scores = track_like(
                    clips.keypoints[clip, index], clips.scores[clip, index], min(size), rng
                )
                drawn.append(draw(points[None], scores[None], size, look="soft"))
        pictures = torch.from_numpy(np.stack(drawn)).float() / 255
        return rearrange(pictures, "(b f) h w c -> b f c h w", b=len(which))
