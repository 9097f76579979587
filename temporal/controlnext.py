"""The control encoder of ControlNeXt: control frames to features at the injection site."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.downsampling import Downsample2D
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.resnet import ResnetBlock2D
from einops import rearrange, repeat
from torch import Tensor, nn

from temporal.errors import ControlError
from temporal.inject import Site, find_site

TIME_CHANNELS = 128  # width of the sinusoid; official code
TIME_WIDTH = 256  # width of the time embedding; official code
STEM_GROUPS = 2  # GroupNorm groups in the stem; official code
RESNET_EPS = 1e-6  # GroupNorm epsilon in the residual blocks; official code

# Settings of the official encoders, as differences from the defaults (svd_v2). svd_v2 and
# svd_v2_training share weights but not the stem's padding, which no state dict can tell.
VARIANTS: dict[str, dict[str, Any]] = {
    "svd_v2": {},
    "svd_v2_training": {"site": "svd_v2_training", "stem_padding": 1},
    "svd_v1": {
        "site": "svd_v1",
        "stem_pool": True,
        "block_channels": (128, 256, 256),
        "out_channels": 1280,
        "learned_scale": True,
    },
    "sdxl": {"site": "sdxl", "stem_padding": 1},
    "sd15_legacy": {
        "site": "sd15_legacy",
        "stem_channels": (),
        "block_channels": (128, 256, 256),
        "out_channels": 1280,
        "middle": "plain",
        "learned_scale": True,
    },
    "sd15_training": {"site": "sd15_training", "stem_padding": 1},
}


class ControlNeXt(ModelMixin, ConfigMixin):  # type: ignore[misc, unused-ignore]
    """Encode control frames, with the names of the official checkpoints.

    stem_channels: widths of the stem convolutions, the first with stride 2; () for no stem.
    stem_padding: 0 or 1, padding of the stem convolutions after the first.
    stem_pool: halve once more after the stem. block_channels: one halving residual level each.
    middle: "residual" (normalised, added to its input) or "plain". learned_scale: own `scale`.
    site: name in `inject.SITES` or a record as a dict; gain: replaces the site's.
    control_look: which drawing the weights were trained on, for whoever draws.
    """

    @register_to_config  # type: ignore[untyped-decorator, unused-ignore]
    def __init__(
        self,
        in_channels: int = 3,
        stem_channels: Sequence[int] = (64, 64, 128),
        stem_padding: int = 0,
        stem_pool: bool = False,
        block_channels: Sequence[int] = (128, 256),
        block_groups: Sequence[int] = (4, 8),
        middle: Literal["residual", "plain"] = "residual",
        out_channels: int = 320,
        learned_scale: bool = False,
        site: str | dict[str, Any] = "svd_v2",
        gain: float | None = None,
        control_look: str = "official",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.time_proj = Timesteps(TIME_CHANNELS, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(TIME_CHANNELS, TIME_WIDTH)
        if stem_channels:
            self.embedding = _stem(in_channels, stem_channels, stem_padding)
        widths = [stem_channels[-1] if stem_channels else in_channels, *block_channels]
        self.down_res = nn.ModuleList()
        self.down_sample = nn.ModuleList()
        for level, (width_in, width_out) in enumerate(pairwise(widths)):
            groups = block_groups[min(level, len(block_groups) - 1)]
            self.down_res.append(_residual_block(width_in, width_out, groups))
            self.down_sample.append(
                Downsample2D(width_out, use_conv=True, out_channels=width_out, name="op")
            )
        middle_block = _middle(widths[-1], block_groups[-1], normalised=middle == "residual")
        self.mid_convs = nn.ModuleList([middle_block, nn.Conv2d(widths[-1], out_channels, 1)])
        self.scale: nn.Parameter | float = nn.Parameter(torch.tensor(1.0)) if learned_scale else 1.0

    @classmethod
    def from_variant(cls, name: str, **settings: Any) -> ControlNeXt:
        """Build an official encoder by its name in `VARIANTS`, with settings replaced."""
        if name not in VARIANTS:
            raise ControlError(f"unknown variant {name!r}; known: {', '.join(VARIANTS)}")
        built: ControlNeXt = cls(**{**VARIANTS[name], **settings})
        return built

    @property
    def injection(self) -> Site:
        """The place and manner in which the features join the UNet."""
        return find_site(self.config["site"], gain=self.config["gain"])

    def forward(self, control: Tensor, timestep: Tensor | float) -> Tensor:
        """Return the control features (N, C, h, w), N = B * F.

        control: (B, F, 3, H, W) or (N, 3, H, W) in [0, 1]; timestep: one, or one per B.
        """
        return self.encode(self.stem(control), self.embed_time(timestep, control))

    def embed_time(self, timestep: Tensor | float, control: Tensor) -> Tensor:
        """Return the time embedding of every control frame, (N, 256)."""
        batch = control.shape[0]
        steps = torch.as_tensor(timestep, device=control.device).reshape(-1).expand(batch)
        embedding: Tensor = self.time_embedding(self.time_proj(steps).to(self.dtype))
        if control.ndim == 5:
            embedding = repeat(embedding, "b d -> (b f) d", f=control.shape[1])
        return embedding

    def stem(self, control: Tensor) -> Tensor:
        """Return the part of the encoding that does not depend on time, (N, c, h', w')."""
        if control.ndim == 5:
            control = rearrange(control, "b f c h w -> (b f) c h w")
        channels = self.config["in_channels"]
        if control.ndim != 4 or control.shape[1] != channels:
            raise ControlError(
                f"control must be (B, F, {channels}, H, W) or (N, {channels}, H, W), "
                f"got {tuple(control.shape)}"
            )
        hidden = control.to(self.dtype)
        if self.config["stem_channels"]:
            hidden = self.embedding(hidden)
        return nn.functional.max_pool2d(hidden, 2) if self.config["stem_pool"] else hidden

    def encode(self, stem: Tensor, time: Tensor) -> Tensor:
        """Turn stem output (N, c, h', w') and time embedding (N, 256) into features."""
        hidden = stem
        for block, halve in zip(self.down_res, self.down_sample, strict=True):
            hidden = halve(block(hidden, time))
        middle, project = self.mid_convs
        inner = middle(hidden)
        if self.config["middle"] == "residual":
            inner = inner + hidden
        features: Tensor = project(inner)
        return features


def _stem(in_channels: int, channels: Sequence[int], padding: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    width = in_channels
    for index, out in enumerate(channels):
        stride, pad = (2, 1) if index == 0 else (1, padding)
        layers += [
            nn.Conv2d(width, out, 3, stride=stride, padding=pad),
            nn.GroupNorm(math.gcd(STEM_GROUPS, out), out),
            nn.ReLU(),
        ]
        width = out
    return nn.Sequential(*layers)


def _residual_block(width_in: int, width_out: int, groups: int) -> ResnetBlock2D:
    # The largest valid count of groups: RGB input leaves 1 here, as in the official SD1.5 encoder.
    return ResnetBlock2D(
        in_channels=width_in,
        out_channels=width_out,
        temb_channels=TIME_WIDTH,
        groups=math.gcd(groups, width_in, width_out),
        eps=RESNET_EPS,
    )


def _middle(width: int, groups: int, *, normalised: bool) -> nn.Sequential:
    first, second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
    if not normalised:
        return nn.Sequential(first, nn.ReLU(), second)
    norms = [nn.GroupNorm(math.gcd(groups, width), width) for _ in range(2)]
    return nn.Sequential(first, nn.ReLU(), norms[0], second, norms[1])
