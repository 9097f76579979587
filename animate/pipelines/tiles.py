"""Pictures larger than a model's own size: worked on in tiles that overlap and are blended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from temporal.windows import plan_windows

AROUND = 4  # latents around a tile that are decoded with it, and cut off


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A rectangle of a map, rows top to bottom - 1, columns left to right - 1.

    down, across: its weight in the blend along each axis.
    """

    top: int
    bottom: int
    left: int
    right: int
    down: tuple[float, ...]
    across: tuple[float, ...]

    def cut(self, whole: Tensor, scale: int = 1) -> Tensor:
        """Its part of a map (..., H, W), or of one that is `scale` times as large."""
        rows = slice(self.top * scale, self.bottom * scale)
        return whole[..., rows, self.left * scale : self.right * scale]

    def grown(self, places: int, size: tuple[int, int]) -> tuple[Tile, int, int]:
        """It with so many places more on every side, within a map of a size (height, width); how
        many of them are above it, and how many to its left."""
        top, left = max(0, self.top - places), max(0, self.left - places)
        wider = replace(
            self,
            top=top,
            left=left,
            bottom=min(size[0], self.bottom + places),
            right=min(size[1], self.right + places),
        )
        return wider, self.top - top, self.left - left

    def weight(self, scale: int = 1) -> Tensor:
        """Its weight at every place, (h, w), above 0 everywhere."""
        down, across = (
            F.interpolate(torch.tensor(one)[None, None], scale_factor=scale, mode="linear")[0, 0]
            for one in (self.down, self.across)
        )
        return down[:, None] * across[None, :]


def plan_tiles(height: int, width: int, side: int, overlap: int, *, step: int = 1) -> list[Tile]:
    """Cover a map with tiles of nearly equal size, at most `side`, that share `overlap`.

    All borders lie at multiples of `step`, of which height and width must be multiples too.
    Raises temporal.WindowError unless side is larger than overlap.
    """

    def along(length: int) -> list[tuple[int, int, tuple[float, ...]]]:
        plan = plan_windows(length // step, max(1, side // step), overlap // step)
        return [
            (
                one.start * step,
                one.stop * step,
                tuple(weight for weight in one.weights for _ in range(step)),
            )
            for one in plan
        ]

    return [
        Tile(top=top, bottom=bottom, left=left, right=right, down=down, across=across)
        for top, bottom, down in along(height)
        for left, right, across in along(width)
    ]


def blended(
    whole: Tensor, tiles: list[Tile], work: Callable[[Tile, Tensor], Tensor], *, scale: int = 1
) -> Tensor:
    """Work on every tile of (N, c, H, W) and blend what comes back, (N, C, H * scale, W * scale).

    work(tile, its part) returns a map `scale` times as large. One tile alone stays bit for bit.
    """
    if len(tiles) == 1:
        return work(tiles[0], whole)
    total: Tensor | None = None
    height, width = whole.shape[-2] * scale, whole.shape[-1] * scale
    weights = torch.zeros(height, width)
    for tile in tiles:
        weight = tile.weight(scale)
        made = work(tile, tile.cut(whole))
        if total is None:
            total = torch.zeros(*made.shape[:2], height, width, device=made.device)
        tile.cut(total, scale).add_(made.float() * weight.to(made.device))
        tile.cut(weights, scale).add_(weight)
    assert total is not None
    return (total / weights.to(total.device)).to(whole.dtype)


class TiledTransformer(nn.Module):
    """A transformer that works in tiles; all else of it is the one inside.

    on_tile(tile) is called before each, for what goes with it.
    """

    def __init__(
        self, inner: nn.Module, tiles: list[Tile], on_tile: Callable[[Tile], None]
    ) -> None:
        super().__init__()
        self.inner, self._tiles, self._on_tile = inner, tiles, on_tile

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)

    def forward(self, hidden_states: Tensor, **told: Any) -> tuple[Tensor]:
        """The prediction (N, c, H, W) for latents (N, c, H, W); told: the inner's keywords."""

        def predict(tile: Tile, latents: Tensor) -> Tensor:
            self._on_tile(tile)
            said: Tensor = self.inner(hidden_states=latents, **{**told, "return_dict": False})[0]
            return said

        return (blended(hidden_states, self._tiles, predict),)


@contextmanager
def in_tiles(
    pipeline: Any, tiles: list[Tile], on_tile: Callable[[Tile], None] = lambda tile: None
) -> Iterator[None]:
    """Inside, an SD3 pipeline denoises in tiles; afterwards it is what it was."""
    inner = pipeline.transformer
    pipeline.transformer = TiledTransformer(inner, tiles, on_tile)
    try:
        yield
    finally:
        pipeline.transformer = inner


@torch.no_grad()
def decoded(
    pipeline: Any,
    latents: Tensor,
    tiles: list[Tile],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tensor:
    """Latents (1, c, h, w) as pixels (1, 3, H, W) in [0, 1], decoded in tiles.

    progress(done, total) counts them.
    """
    vae, scale = pipeline.vae, int(pipeline.vae_scale_factor)
    shift = vae.config.shift_factor or 0.0
    size = (latents.shape[-2], latents.shape[-1])

    done = 0

    def decode(tile: Tile, part: Tensor) -> Tensor:
        nonlocal done
        progress(done, len(tiles))
        done += 1
        # Convolutions pad with nothing: without what lies around, tiles' borders would be seen.
        wider, above, before = tile.grown(AROUND, size)
        plain = wider.cut(latents).to(vae.dtype) / vae.config.scaling_factor + shift
        pixels: Tensor = vae.decode(plain, return_dict=False)[0].float()
        height, width = (length * scale for length in part.shape[-2:])
        return pixels[..., above * scale :, before * scale :][..., :height, :width]

    pixels = blended(latents.float(), tiles, decode, scale=scale)
    progress(done, len(tiles))
    return (pixels / 2 + 0.5).clamp(0, 1)
