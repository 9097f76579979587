"""Pictures made small and enlarged again, as a source of samples: what an enlarger is to repair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor
from torch.nn import functional as F

from animate.pipelines.steering import Steering
from animate.training.bands import BANDS, REACH
from animate.training.corpus import ClipStack
from animate.training.data import Batch, Sample, to_share, to_unit
from animate.training.objectives import flow_point, flow_target
from animate.training.stills import FLOW_STEPS, StillTask
from animate.training.task import Generators, rand

Frame = NDArray[np.uint8]  # (H, W, 3) RGB

SIDES = (48, 64, 80, 96)  # of crops, in pixels, each as often; tiles are of any such size
STEP = 4  # crops begin at its multiples, as tiles do at those of a token
PLACES = 2  # crops looked at, of which the one with most to see is taken
FULL = 4.0  # the largest factor, and the one of most samples
FULL_SHARE = 0.6
FILTERS = (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX)
FILTER_SHARES = (0.6, 0.2, 0.2)
SPOILED = 0.15  # share of the small pictures with each of the three faults below
BLUR = (0.3, 0.9)  # radius in pixels of the picture before it is made small
NOISE = (0.5, 3.0)  # spread in levels of 0 to 255
QUALITY = (70, 96)  # of JPEG
DETAIL = 0.3  # weight of how much fine detail there is, beside where it is
FINE = list(BANDS).index("high")
SPREAD_FLOOR = 1e-4  # keeps the root's slope finite where there is nothing
DETAIL_SIDE = 8  # pixels of the squares in which it is measured
UNDERWAY = 0.15  # share of the samples somewhere on the way, not at its start
# Any words go with any picture: what a prompt says tells nothing about what was lost.
WORDS = ("a person", "red", "night", "street", "dancing", "blue sky", "x", "old photo", "7", "room")


@dataclass(frozen=True, kw_only=True)
class Loss:
    """How a picture becomes small. factor: how many times; filter: of PIL; blur: a radius; noise:
    a spread in levels; quality: of JPEG. None: not at all."""

    factor: float
    filter: Image.Resampling = Image.Resampling.BICUBIC
    blur: float | None = None
    noise: float | None = None
    quality: int | None = None


class EnlargeTask(StillTask):
    """Teaches the way from the picture as it is when enlarged smoothly to the truth.

    SD3's straight way, but it begins at the smooth picture's latents, not at noise: what has to be
    said is what smoothing took away, and nothing of the start is left over. From noise to the same
    truth the noise itself had to be told as well; the error in that was grain (docs/stills.md).
    Errors count by their size, not squared: where an edge may lie in several places, the likeliest
    is then told, not the mean of all, which is a blur. How much fine detail there is counts beside
    where it is: without, a doubtful place is left smooth.
    Crops' latents know what lies around: tiles have no borders of their own.
    """

    def loss(self, batch: Batch, rng: Generators) -> Tensor:
        """The absolute error of the velocity, mostly at the start of the way."""
        assert batch.frames is not None
        truth, smooth = self._bands(batch.frames[:, 0]), self._bands(batch.reference)
        share = rand(rng, truth.device).where(rand(rng, truth.device) < UNDERWAY, torch.ones(()))
        told = self.prompt(batch.captions, size=(batch.control.shape[2], batch.control.shape[3]))
        scale = torch.ones(len(batch), device=truth.device)
        with Steering(self.denoiser, self.controls(to_share(batch.control[:, 0]), scale)):
            point = flow_point(truth, smooth, share)
            predicted = self._call(point, share * FLOW_STEPS, told)
        velocity = predicted.float()
        exact = F.l1_loss(velocity, flow_target(truth, smooth))
        return exact + DETAIL * detail_loss(smooth - velocity, truth)

    @torch.no_grad()
    def _bands(self, pixels: Tensor) -> Tensor:
        """Latents of (B, H, W, 3) bytes without what lies around."""
        vae = self.pipeline.vae
        encoded = vae.encode(to_unit(pixels).to(vae.dtype)).latent_dist.mode().float()
        return self._scaled(encoded[..., REACH:-REACH, REACH:-REACH])


def detail_loss(latents: Tensor, truth: Tensor) -> Tensor:
    """By how much the spread of the fine band differs from square to square; ``(B, C, H, W)``."""
    return F.l1_loss(_spread(latents), _spread(truth))


def _spread(latents: Tensor) -> Tensor:
    fine = latents[:, FINE : FINE + 1]
    return (F.avg_pool2d(fine**2, DETAIL_SIDE) + SPREAD_FLOOR).sqrt()


class EnlargeSource:
    """Crops of single frames, and the same place made small and enlarged again: as reference, both
    with `REACH` pixels around them, and as control, without those."""

    def __init__(self, stacks: Sequence[ClipStack]) -> None:
        self.stacks = stacks
        counts = np.array([len(stack) for stack in stacks], float)
        self.shares = counts / counts.sum()

    def bucket(self, rng: np.random.Generator) -> tuple[int, int]:
        """The crops' height and width, see ``data.Source``."""
        return int(rng.choice(SIDES)), int(rng.choice(SIDES))

    def sample(self, bucket: tuple[int, int], rng: np.random.Generator) -> Sample:
        """See ``data.Source``."""
        stack = self.stacks[rng.choice(len(self.stacks), p=self.shares)]
        clip, frame = rng.integers(len(stack)), rng.integers(stack.frames.shape[1])
        truth = turned(stack.frames[clip, frame], rng)
        control = enlarged(lessened(truth, random_loss(rng), rng), truth.shape)
        window = busiest(truth, bucket, rng)
        wider = tuple(slice(side.start, side.stop + 2 * REACH) for side in window)
        around = ((REACH, REACH), (REACH, REACH), (0, 0))
        return Sample(
            control=control[window][None],
            reference=np.pad(control, around, mode="edge")[wider],
            frames=np.pad(truth, around, mode="edge")[wider][None],
            caption=str(rng.choice(WORDS)),
            name=stack.names[clip],
        )


def random_loss(rng: np.random.Generator) -> Loss:
    """A way to lose detail, mostly by the largest factor and cleanly."""
    factor = FULL if rng.random() < FULL_SHARE else float(rng.uniform(1.5, FULL))
    spoiled = rng.random(3) < SPOILED
    return Loss(
        factor=factor,
        filter=FILTERS[rng.choice(len(FILTERS), p=FILTER_SHARES)],
        blur=float(rng.uniform(*BLUR)) if spoiled[0] else None,
        noise=float(rng.uniform(*NOISE)) if spoiled[1] else None,
        quality=int(rng.integers(*QUALITY)) if spoiled[2] else None,
    )


def lessened(picture: Frame, loss: Loss, rng: np.random.Generator) -> Frame:
    """The small picture that is left of a large one."""
    image = Image.fromarray(picture)
    if loss.blur is not None:
        image = image.filter(ImageFilter.GaussianBlur(loss.blur))
    size = (max(1, round(image.width / loss.factor)), max(1, round(image.height / loss.factor)))
    image = image.resize(size, loss.filter)
    if loss.noise is not None:
        noisy = np.asarray(image) + rng.normal(scale=loss.noise, size=(*size[::-1], 3))
        image = Image.fromarray(np.rint(noisy.clip(0, 255)).astype(np.uint8))
    if loss.quality is not None:
        file = BytesIO()
        image.save(file, "JPEG", quality=loss.quality)
        image = Image.open(file)
    return np.asarray(image)


def enlarged(small: Frame, shape: Sequence[int]) -> Frame:
    """A picture smoothly enlarged to (H, W, ...), as `animate.enlarge` shows it to the model."""
    size = (shape[1], shape[0])
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))


def turned(picture: Frame, rng: np.random.Generator) -> Frame:
    """The picture as it is or mirrored, upright or lying: edges run in all directions."""
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    if rng.random() < 0.5:
        picture = picture.transpose(1, 0, 2)
    return np.ascontiguousarray(picture)


def busiest(picture: Frame, size: tuple[int, int], rng: np.random.Generator) -> tuple[slice, slice]:
    """Of a few windows of a size (height, width), drawn at random, the one that shows most."""
    height, width = (min(side, full) for side, full in zip(size, picture.shape[:2], strict=True))
    grey = picture.astype(np.float32).mean(axis=2)
    windows = []
    for _ in range(PLACES):
        top = STEP * int(rng.integers((picture.shape[0] - height) // STEP + 1))
        left = STEP * int(rng.integers((picture.shape[1] - width) // STEP + 1))
        windows.append((slice(top, top + height), slice(left, left + width)))
    return max(windows, key=lambda window: float(np.abs(np.diff(grey[window])).mean()))
