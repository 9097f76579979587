"""Make a picture larger with SD3, steered by the picture itself: `animate.upscale`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animate.enlarge_settings import UpscaleSettings
from animate.errors import UsageError
from animate.progress import Progress, Report, ignore, unheard

if TYPE_CHECKING:
    from torch import Tensor

    from animate.pipelines.tiles import Tile
    from animate.still_models import StillModel

Frame = NDArray[np.uint8]  # (H, W, 3) RGB

KIND = "superresolution"  # what its control part is called among a model's own


def upscale(
    picture: str | os.PathLike[str] | Frame,
    *,
    loaded: StillModel | None = None,
    progress: Progress | None = None,
    report: Report | None = None,
    **settings: Any,
) -> Frame:
    """Return a picture (H, W, 3) uint8 that shows the same, larger by a factor of up to 4.

    picture: a path or (H, W, 3) uint8. settings: see `animate.enlarge_settings.UpscaleSettings`.
    loaded: a model kept from animate.still_models. progress(stage, done, total); report(line) gets
    what was decided. Raises AnimateError, pose.PoseError or temporal.TemporalError.
    """
    from pose.video import load_image

    asked = UpscaleSettings(**settings)
    small = picture if isinstance(picture, np.ndarray) else load_image(picture)
    with enlarger(asked, loaded=loaded, progress=progress, report=report) as enlarge:
        return enlarge(small)


@contextmanager
def enlarger(
    asked: UpscaleSettings,
    *,
    loaded: StillModel | None = None,
    progress: Progress | None = None,
    report: Report | None = None,
) -> Iterator[Callable[[Frame], Frame]]:
    """What enlarges one picture (H, W, 3) after the other, its model loaded once; see `upscale`."""
    from animate.still_models import load_still_model
    from animate.still_parts import prepared
    from animate.still_settings import ControlChoice, StillSettings

    progress, report = progress or ignore, report or unheard
    base = StillSettings(model=asked.model, device=asked.device, dtype=asked.dtype)
    progress("load", 0, 1)
    model = loaded or load_still_model(base)
    if model.family != "sd3":
        raise UsageError(f"--model {model.name} is {model.family}; pictures are enlarged by sd3")
    progress("load", 1, 1)
    choice = ControlChoice(picture=None, kind=KIND, weights=asked.weights)
    with prepared(model, [choice], base, report, method="controlnext") as (part,):

        def enlarge(small: Frame) -> Frame:
            large = _enlarged(model, part, small, asked, progress, report)
            return _faithful(large, small) if asked.faithful else large

        yield enlarge


def _enlarged(
    model: StillModel,
    part: Any,
    small: Frame,
    asked: UpscaleSettings,
    progress: Progress,
    report: Report,
) -> Frame:
    """The picture at its new size, as the model makes it."""
    from animate.pipelines.tiles import decoded

    width, height = (round(side * asked.factor) for side in (small.shape[1], small.shape[0]))
    around = _token(model)
    control = _control(small, (width, height), around)
    tiles = _tiles(model, (control.shape[-2], control.shape[-1]), asked)
    steps, guidance = _steps(model, asked)
    report(
        f"{small.shape[1]}x{small.shape[0]} -> {width}x{height} by {model.name} on {model.device}, "
        f"{len(tiles)} {'tile' if len(tiles) == 1 else 'tiles'} of up to "
        f"{_tile(model, asked.tile)} pixels, "
        f"{steps} steps, guidance {guidance:g}, seed {asked.seed}"
    )
    latents = _denoised(model, part, control, tiles, asked, progress)
    pixels = decoded(model.pipeline, latents, tiles, partial(progress, "decode")).cpu()
    detail = model.told("detail", 1.0) if asked.detail is None else asked.detail
    shown = (control + detail * (pixels - control)).clamp(0, 1)[0].permute(1, 2, 0)
    inner = shown[around : around + height, around : around + width].numpy()
    return np.asarray((inner * 255).round(), dtype=np.uint8)


def tile_borders(model: StillModel, size: tuple[int, int], asked: UpscaleSettings) -> list[int]:
    """The columns of an enlarged picture (height, width) behind which a tile begins or ends."""
    around, factor = _token(model), int(model.pipeline.vae_scale_factor)
    height, width = (2 * around + side + -side % around for side in size)
    tiles = _tiles(model, (height, width), asked)
    ends = {end * factor - around - 1 for tile in tiles for end in (tile.left, tile.right)}
    return sorted(end for end in ends if 0 <= end < size[1] - 1)


def _tiles(model: StillModel, size: tuple[int, int], asked: UpscaleSettings) -> list[Tile]:
    """The tiles of latents for pixels (height, width). Raises UsageError for too large ones."""
    from animate.pipelines.tiles import plan_tiles

    factor, patch = int(model.pipeline.vae_scale_factor), _patch(model)
    side = _tile(model, asked.tile) // factor // patch * patch
    shared = int(side * asked.overlap) // patch * patch
    return plan_tiles(size[0] // factor, size[1] // factor, side, shared, step=patch)


def _denoised(
    model: StillModel,
    part: Any,
    control: Tensor,
    tiles: list[Tile],
    asked: UpscaleSettings,
    progress: Progress,
) -> Tensor:
    """Latents (1, c, h, w) of the whole picture: tiles meet in every step."""
    import torch

    from animate.pipelines.image import denoiser_of, short_prompts
    from animate.pipelines.steering import Control, Steering
    from animate.pipelines.tiles import in_tiles

    pipeline, factor = model.pipeline, int(model.pipeline.vae_scale_factor)
    steps, guidance = _steps(model, asked)
    steered = Control(part=part, picture=control, scale=asked.control_scale)
    now, done, total = tiles[0], 0, steps * len(tiles)

    def turn(tile: Tile) -> None:
        nonlocal now, done
        now = tile
        progress("denoise", min(done, total), total)  # some schedulers take a step in two goes
        done += 1

    with (
        Steering(
            denoiser_of(pipeline),
            [steered],
            guided=lambda: bool(pipeline.do_classifier_free_guidance),
            fit=lambda one, latents: now.cut(control, factor),
        ),
        in_tiles(pipeline, tiles, turn),
    ):
        latents: Tensor = pipeline(
            asked.prompt,
            height=control.shape[-2],
            width=control.shape[-1],
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=torch.Generator().manual_seed(asked.seed),
            latents=_start(model, control),
            output_type="latent",
            **short_prompts(pipeline),
        ).images
    progress("denoise", total, total)
    return latents


def _start(model: StillModel, control: Tensor) -> Tensor | None:
    """Where the way to the large picture begins: the smooth one's latents for models that were
    trained so (their defaults say "from_smooth"), else noise."""
    if not model.told("from_smooth", 0.0):
        return None
    import torch

    from animate.pipelines.image import latents_of

    with torch.no_grad():
        return latents_of(model.pipeline.vae, control, device=model.pipeline._execution_device)


def _steps(model: StillModel, asked: UpscaleSettings) -> tuple[int, float]:
    """Steps and guidance: as asked, else the model's own; a prompt that is empty guides nowhere."""
    steps, guidance = model.defaults
    own = guidance if asked.prompt else 1.0
    return asked.steps or steps, own if asked.guidance is None else asked.guidance


def _tile(model: StillModel, asked: int | None) -> int:
    """Pixels of a tile's side. Raises UsageError for more than the model has positions for."""
    from animate.pipelines.image import denoiser_of

    side, token = asked or model.short_side, _token(model)
    most = int(denoiser_of(model.pipeline).config["pos_embed_max_size"]) * token
    if side > most:
        raise UsageError(f"--tile expects at most {most} pixels with {model.name}, got {side}")
    return max(2 * token, side)


def _patch(model: StillModel) -> int:
    """Latents along a side of a token."""
    from animate.pipelines.image import denoiser_of

    return int(denoiser_of(model.pipeline).config["patch_size"])


def _token(model: StillModel) -> int:
    """Pixels of a token's side."""
    return int(model.pipeline.vae_scale_factor) * _patch(model)


def _control(small: Frame, size: tuple[int, int], around: int) -> Tensor:
    """The picture (1, 3, H, W) in [0, 1], enlarged smoothly to a size (width, height).

    Its edges go on all around, by `around` pixels and to full multiples of it: convolutions that
    pad with nothing spoil a picture's borders, and those are cut off at the end.
    """
    from torch.nn import functional as F

    from animate.pipelines.image import as_picture

    enlarged = as_picture(_resized(small, size))
    right, bottom = (around + -side % around for side in size)
    return F.pad(enlarged, (around, right, around, bottom), mode="replicate")


def _faithful(large: Frame, small: Frame) -> Frame:
    """The large picture, corrected by what it lacks when it is scaled down (back-projection)."""
    size = (large.shape[1], large.shape[0])
    down = _resized(large, (small.shape[1], small.shape[0])).astype(np.int16)
    # Halved, so that the difference fits around the middle of 8 bits.
    missing = np.asarray(np.rint((small - down) / 2 + 128).clip(0, 255), dtype=np.uint8)
    lack = (_resized(missing, size).astype(np.int16) - 128) * 2
    return np.asarray((large + lack).clip(0, 255), dtype=np.uint8)


def _resized(picture: Frame, size: tuple[int, int]) -> Frame:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
