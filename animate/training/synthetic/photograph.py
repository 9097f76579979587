"""What cameras and files do to pictures: tone, textured and blurred grounds, softness, noise, JPEG.

Renderings are cleaner than any photograph. A model that has seen these traces keeps the colours and
the layout of references that no renderer made. The look is one for all pictures of a clip; noise
and compression differ from picture to picture, as they do in a film.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .linalg import Array

UNTOUCHED = 0.25  # share of the clips that stay as they were rendered


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """One camera and file; the defaults change nothing."""

    gamma: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    vignette: float = 0.0  # how much darker the corners are, 0 to 1
    texture: float = 0.0  # of the ground, in levels of 255
    defocus: float = 0.0  # blur of the ground in thousandths of the short side
    softness: float = 0.0  # blur of everything, likewise
    noise: float = 0.0  # standard deviation in levels of 255
    quality: int = 100  # of JPEG; 100 leaves it out
    seed: int = 0


def random_photograph(rng: np.random.Generator) -> Photograph:
    """A camera from clean to poor."""
    seed = int(rng.integers(2**31))
    if rng.random() < UNTOUCHED:
        return Photograph(seed=seed)
    red, green, blue = np.exp(rng.normal(0, 0.05, 3))

    def sometimes(share: float, low: float, high: float) -> float:
        return float(rng.uniform(low, high)) if rng.random() < share else 0.0

    return Photograph(
        gamma=float(np.exp(rng.normal(0, 0.15))),
        contrast=float(np.exp(rng.normal(0, 0.10))),
        saturation=float(np.clip(rng.normal(0.95, 0.2), 0.3, 1.4)),
        balance=(float(red), float(green), float(blue)),
        vignette=sometimes(0.3, 0.05, 0.4),
        texture=sometimes(0.5, 3, 26),
        defocus=sometimes(0.3, 6, 30),
        softness=sometimes(0.4, 2, 8),
        noise=sometimes(0.6, 1, 9),
        quality=int(rng.integers(35, 96)) if rng.random() < 0.6 else 100,
        seed=seed,
    )


def photograph(frames: Array, parts: Array, look: Photograph) -> Array:
    """Pictures (T, H, W, 3) uint8 of one clip as a camera might have kept them, same shape.

    parts (T, H, W): 0 where the ground is.
    """
    rng = np.random.default_rng(look.seed)
    size: tuple[int, int] = frames.shape[1], frames.shape[2]
    short = min(size)
    if not len(frames):
        return frames
    ground = _texture(rng, size) * look.texture if look.texture else None
    tone = _tone_table(look)
    shade = _vignette(look, size)
    return np.stack(
        [_picture(frame, part == 0, look, rng, short, ground, tone, shade)
         for frame, part in zip(frames, parts, strict=True)]
    )  # fmt: skip


def _picture(
    frame: Array, behind: Array, look: Photograph, rng: np.random.Generator, short: int,
    ground: Array | None, tone: Array, shade: Array | None,
) -> Array:  # fmt: skip
    image = frame.astype(np.float32)
    if ground is not None:
        image += ground * behind[..., None]
    if look.defocus:
        image = _defocus(image, behind, look.defocus * short / 1000)
    if look.softness:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), look.softness * short / 1000))
    if shade is not None:
        image *= shade
    grey = image.mean(-1, keepdims=True)
    image = (grey + (image - grey) * look.saturation) * np.array(look.balance, dtype=np.float32)
    image = tone[np.clip(np.rint(image), 0, 255).astype(np.uint8)]
    if look.noise:
        image += rng.standard_normal(image.shape, dtype=np.float32) * look.noise
    picture = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return _compressed(picture, look.quality) if look.quality < 100 else picture


def _tone_table(look: Photograph) -> Array:
    """What becomes of each level, (256,) float32."""
    level = np.linspace(0, 1, 256) ** look.gamma
    return np.asarray((255 * (0.5 + (level - 0.5) * look.contrast)).astype(np.float32))


def _vignette(look: Photograph, size: tuple[int, int]) -> Array | None:
    if not look.vignette:
        return None
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in size)
    return np.asarray(1 - look.vignette * 0.5 * (x**2 + y[:, None] ** 2))[..., None]


def _texture(rng: np.random.Generator, size: tuple[int, int]) -> Array:
    """Grain of plaster, cloth or grass: noise of several scales, (H, W, 1 or 3), deviation 1."""
    height, width = size
    coloured = 3 if rng.random() < 0.3 else 1
    total = np.zeros((height, width, coloured), dtype=np.float32)
    stretch = rng.uniform(0.5, 2)
    for cells in (6, 14, 32, 80):
        rows, columns = max(int(cells * stretch), 2), cells
        grid = rng.standard_normal((rows, columns, coloured)).astype(np.float32)
        grown = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
        total += rng.uniform(0.2, 1) * grown.reshape(total.shape)
    return np.asarray(total / max(float(total.std()), 1e-6))


def _defocus(image: Array, behind: Array, sigma: float) -> Array:
    """Blur the ground alone: the figure's colours do not bleed into it."""
    weight = behind.astype(np.float32)[..., None]
    spread = cv2.GaussianBlur(image * weight, (0, 0), sigma)
    share = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    return np.asarray(np.where(behind[..., None], spread / np.maximum(share, 1e-4), image))


def _compressed(picture: Array, quality: int) -> Array:
    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1]
