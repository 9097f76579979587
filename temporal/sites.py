"""Where and how control enters a denoiser: one record per way in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import torch
from torch import Tensor

from temporal.crossnorm import AXES, Order, Over, fit_control
from temporal.errors import InjectionError


@dataclass(frozen=True, kw_only=True)
class Site:
    """One way of adding a control map to a feature map inside a UNet or a transformer.

    module: dotted name of the block; when: add to what leaves it or to what enters it.
    order, eps, over: see `crossnorm.fit_control`. The map is added times gain * act(scale).
    uncond_scale: scale of the unconditional guidance half, as a fraction of the other half's.
    anchored: in official windows, slot 0 is conditioned on frame 0 of the clip.
    """

    module: str
    when: Literal["before", "after"]
    order: Order
    eps: float
    over: Over = "sample"
    gain: float = 1.0
    act: Literal["identity", "sigmoid"] = "identity"
    uncond_scale: float = 1.0
    anchored: bool = True

    @property
    def spares_unconditional(self) -> bool:
        """Whether the unconditional half gets nothing at all; a sigmoid of 0 is not nothing."""
        return self.uncond_scale == 0 and self.act == "identity"

    def add(self, feature: Tensor, control: Tensor, scale: float | Tensor = 1.0) -> Tensor:
        """Return the feature map with the control map added, in the feature's dtype.

        feature: (N, C, H, W); control: (N, C, h, w); scale: a number, or (N,) or (N, 1, 1, 1).
        """
        return (feature + self.share(feature, control, scale)).to(feature.dtype)

    def share(self, feature: Tensor, control: Tensor, scale: float | Tensor = 1.0) -> Tensor:
        """What `add` adds, float32 (N, C, H, W)."""
        fitted = fit_control(control, feature, eps=self.eps, order=self.order, over=self.over)
        return fitted * self._strength(scale, feature)

    def _strength(self, scale: float | Tensor, feature: Tensor) -> Tensor:
        strength = torch.as_tensor(scale, dtype=torch.float32, device=feature.device)
        if strength.ndim == 1:
            strength = strength[:, None, None, None]
        if self.act == "sigmoid":
            strength = strength.sigmoid()
        return strength * self.gain


# The six published variants; source: the official code, in numbers in the golden fixtures.
SVD_V2 = Site(
    module="down_blocks.0",
    when="after",
    order="norm_pool",
    eps=1e-5,
    gain=0.2,
    uncond_scale=0.0,
)
SITES: dict[str, Site] = {
    "svd_v2": SVD_V2,
    "svd_v2_training": SVD_V2,
    "svd_v1": Site(
        module="mid_block",
        when="before",
        order="norm_pool",
        eps=1e-5,
        gain=1.3,
        act="sigmoid",
        uncond_scale=0.0,
        anchored=False,
    ),
    # Before block 0 rather than after conv_in: a hook on conv_in would change the first skip too.
    "sdxl": Site(module="down_blocks.0", when="before", order="norm_pool", eps=1e-12),
    "sd15_legacy": Site(module="mid_block", when="after", order="pool_norm", eps=1e-12),
    "sd15_training": Site(module="down_blocks.0", when="after", order="pool_norm", eps=1e-12),
}

# Ours, as there is none by the authors: the middle of SD3-medium's 24 blocks of tokens. Statistics
# over a sample's tokens and channels, as in the UNets. Held-out loss of a tiny transformer that an
# encoder learns to steer (scripts/bench_sd3_axes.py), with plain tokens and with two channels of
# 30 times the spread: without control 0.316 and 0.360; normalised over tokens and channels 0.295
# and 0.336, over a token's channels ("place") 0.298 and 0.367, over tokens ("channel") 0.479 and
# 0.584. A token's own statistics lose how strong the control is there and follow the loudest
# channels; a channel's own make maps that say little as loud as the features.
SITES["sd3"] = Site(module="transformer_blocks.12", when="before", order="pool_norm", eps=1e-6)

# Names of places at any depth. In UNets they take SVD-v2's manner with a gain of 1, to be set by
# `gain`; in transformers SD3's.
PLACE = re.compile(
    r"(conv_in)|(down_blocks\.\d+|mid_block|up_blocks\.\d+|transformer_blocks\.\d+)"
    r"(?::(before|after))?"
)


def find_site(value: str | Mapping[str, Any] | Site, *, gain: float | None = None) -> Site:
    """Return the record that a config value names or spells out; `gain` replaces its gain.

    Names: those of `SITES`, "conv_in", and "down_blocks.N", "mid_block", "up_blocks.N",
    "transformer_blocks.N" with ":before" or ":after" (the default) behind them.
    """
    if isinstance(value, str):
        site = _named_site(value)
    elif isinstance(value, Site):
        site = value
    else:
        unknown = set(value) - {field.name for field in fields(Site)}
        if unknown:
            raise InjectionError(f"unknown entries in site record: {', '.join(sorted(unknown))}")
        site = Site(**value)
    if site.over not in AXES:
        raise InjectionError(f"unknown axes {site.over!r} in site record; known: {', '.join(AXES)}")
    if site.module == "conv_in" and site.when == "after":
        raise InjectionError(
            'adding behind conv_in would change the first skip too; name the site "conv_in", '
            "which adds before the first down block"
        )
    return site if gain is None else replace(site, gain=gain)


def find_sites(value: Any, *, gain: float | None = None) -> tuple[Site, ...]:
    """Return the records of one name or record, or of a list of them."""
    several = isinstance(value, Sequence) and not isinstance(value, str)
    sites = tuple(find_site(one, gain=gain) for one in (value if several else [value]))
    if not sites:
        raise InjectionError("at least one site is needed")
    return sites


def describe_site(site: Site) -> dict[str, Any]:
    """Return the record as plain values for a checkpoint's config; `find_site` reads it back."""
    return asdict(site)


def describe_sites(value: Any) -> Any:
    """Return names and records, one or a list, as plain values; `find_sites` reads them back."""
    if isinstance(value, Site):
        return describe_site(value)
    if isinstance(value, (str, Mapping)):
        return value
    return [describe_sites(one) for one in value]


def _named_site(name: str) -> Site:
    if name in SITES:
        return SITES[name]
    place = PLACE.fullmatch(name)
    if place is None:
        raise InjectionError(
            f"unknown site {name!r}; known: {', '.join(SITES)}, conv_in, and down_blocks.N, "
            "mid_block, up_blocks.N or transformer_blocks.N, also with :before"
        )
    # Before block 0 stands for conv_in, as in SDXL's site.
    block, when = ("down_blocks.0", "before") if place[1] else (place[2], place[3] or "after")
    manner = SITES["sd3"] if block.startswith("transformer") else SVD_V2
    return replace(manner, module=block, when=when, gain=1.0)  # type: ignore[arg-type]
