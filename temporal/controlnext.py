"""The control encoder of ControlNeXt: control frames to features at the injection sites."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, cast

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.downsampling import Downsample2D
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.modeling_utils import ModelMixin
from einops import rearrange, repeat
from torch import Tensor, nn

from temporal.blocks import (
    FRAMES_MIXED,
    TIME_WIDTH,
    TemporalLayer,
    TimedBlock,
    build_level,
    build_middle,
    build_stem,
)
from temporal.errors import ControlError
from temporal.sites import Site, describe_sites, find_sites

Features = Tensor | tuple[Tensor, ...]  # (N, C, h, w), for several sites one each
Prepared = tuple[Tensor, Tensor]  # what does not depend on time, see `ControlNeXt.prepare`

CONTROL_CHANNELS = 3  # of one picture
TIME_CHANNELS = 128  # width of the sinusoid; official code

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
    # Ours: the authors released none. As wide as SD3-medium's tokens.
    "sd3": {"site": "sd3", "stem_padding": 1, "out_channels": 1536},
}


class ControlNeXt(ModelMixin, ConfigMixin):  # type: ignore[misc, unused-ignore]
    """Encode control frames, with the names of the official checkpoints.

    stem_channels: widths of the stem convolutions, the first with stride 2; () for no stem.
    stem_padding: 0 or 1, padding of the stem convolutions after the first.
    stem_pool: halve once more after the stem. block_channels: one halving residual level each.
    temporal_layers: layers that mix neighbouring frames at the lowest resolution.
    middle: "residual" (normalised, added to its input) or "plain". learned_scale: own `scale`.
    site: a name as in `sites.find_site`, a record as a dict, or a list of them; gain: replaces
    the sites'. out_channels: the features' at the site, for several sites also one each.
    control_look: which drawing the weights were trained on, for whoever draws.
    in_channels: 3, or 6 to see the reference's own control too (see `sees_reference`).
    draft_channels: of a latent draft of each frame; 0 for none (see `sees_draft`).
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
        temporal_layers: int = 0,
        middle: Literal["residual", "plain"] = "residual",
        out_channels: int | Sequence[int] = 320,
        learned_scale: bool = False,
        site: str | dict[str, Any] | Sequence[str | dict[str, Any]] = "svd_v2",
        gain: float | None = None,
        control_look: str = "official",
        draft_channels: int = 0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.register_to_config(site=describe_sites(site))
        self.time_proj = Timesteps(TIME_CHANNELS, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(TIME_CHANNELS, TIME_WIDTH)
        if stem_channels:
            self.embedding = build_stem(in_channels, stem_channels, stem_padding)
        widths = [stem_channels[-1] if stem_channels else in_channels, *block_channels]
        self.down_res = nn.ModuleList()
        self.down_sample = nn.ModuleList()
        for level, (width_in, width_out) in enumerate(pairwise(widths)):
            groups = block_groups[min(level, len(block_groups) - 1)]
            self.down_res.append(build_level(width_in, width_out, groups))
            self.down_sample.append(
                Downsample2D(width_out, use_conv=True, out_channels=width_out, name="op")
            )
        if temporal_layers:
            layers = [TemporalLayer(widths[-1], block_groups[-1]) for _ in range(temporal_layers)]
            self.temporal_mixing = nn.ModuleList(layers)
        middle_block = build_middle(widths[-1], block_groups[-1], normalised=middle == "residual")
        outputs = _per_site(out_channels, len(self.injection))
        projections = [nn.Conv2d(widths[-1], width, 1) for width in outputs]
        self.mid_convs = nn.ModuleList([middle_block, *projections])
        if draft_channels:
            self.draft = nn.Conv2d(draft_channels, outputs[0], 3, padding=1)
        self.scale: nn.Parameter | float = nn.Parameter(torch.tensor(1.0)) if learned_scale else 1.0

    @classmethod
    def from_variant(cls, name: str, **settings: Any) -> ControlNeXt:
        """Build an official encoder by its name in `VARIANTS`, with settings replaced."""
        if name not in VARIANTS:
            raise ControlError(f"unknown variant {name!r}; known: {', '.join(VARIANTS)}")
        built: ControlNeXt = cls(**{**VARIANTS[name], **settings})
        return built

    @property
    def injection(self) -> tuple[Site, ...]:
        """The places and manners in which the features join the UNet."""
        return find_sites(self.config["site"], gain=self.config["gain"])

    @property
    def anchored(self) -> bool:
        """Whether official windows show the control of the clip's frame 0 in slot 0."""
        return any(site.anchored for site in self.injection)

    @property
    def sees_reference(self) -> bool:
        """Whether it is shown the reference picture's own control behind each frame's.

        A choice of ours, as which part of the picture goes where need not be guessed then. The
        official encoders take three channels; they show the reference's control as frame 0.
        """
        return bool(self.config["in_channels"] == 2 * CONTROL_CHANNELS)

    @property
    def sees_draft(self) -> bool:
        """Whether it is shown a draft of each frame, as the latents of a picture.

        A choice of ours: the reference's own pixels bent into the frame's pose (`pose.puppet`),
        through the denoiser's own autoencoder. What belongs where need not be found by attention
        then, and comes in the code in which the denoiser answers. The denoising starts from drafts
        with noise, not from noise alone. The official encoders do not see any.
        """
        return bool(self.config["draft_channels"])

    @property
    def reach(self) -> int:
        """How many frames before and after a frame its features depend on."""
        layers: int = self.config["temporal_layers"]
        return layers * (FRAMES_MIXED // 2)

    def forward(
        self, control: Tensor, timestep: Tensor | float, draft: Tensor | None = None
    ) -> Features:
        """Return the control features (N, C, h, w), N = B * F; for several sites one each.

        control: (B, F, 3, H, W), or single pictures (N, 3, H, W), in [0, 1]; timestep: one, or
        one per B; draft: latents (N, C, h, w) for an encoder that sees them, None for none.
        """
        time = self.embed_time(timestep, control)
        hidden = self.descend(self.prepare(control), time)
        frames = control.shape[1] if control.ndim == 5 else 1
        features = self.project(self.mix(hidden, frames))
        if draft is not None:
            features = self.add_draft(features, draft)
        return features[0] if len(features) == 1 else features

    def embed_time(self, timestep: Tensor | float, control: Tensor) -> Tensor:
        """Return the time embedding of every control frame, (N, 256)."""
        batch = control.shape[0]
        steps = torch.as_tensor(timestep, device=control.device).reshape(-1).expand(batch)
        embedding: Tensor = self.time_embedding(self.time_proj(steps).to(self.dtype))
        if control.ndim == 5:
            embedding = repeat(embedding, "b d -> (b f) d", f=control.shape[1])
        return embedding

    def stem(self, control: Tensor) -> Tensor:
        """Return what the first level is given, (N, c, h', w')."""
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

    def prepare(self, control: Tensor) -> Prepared:
        """Return the part of the encoding that does not depend on time, a third of its work.

        That is the stem, (N, c, h', w'), and the first level up to where time joins.
        """
        stem, first = self.stem(control), cast(TimedBlock, self.down_res[0])
        return stem, first.before_time(stem)

    def descend(self, prepared: Prepared, time: Tensor) -> Tensor:
        """Return the state at the lowest resolution, (N, c, h, w); time: (N, 256)."""
        hidden, convolved = prepared
        first = cast(TimedBlock, self.down_res[0])
        hidden = self.down_sample[0](first.after_time(convolved, hidden, time))
        for block, halve in zip(self.down_res[1:], self.down_sample[1:], strict=True):
            hidden = halve(block(hidden, time))
        return cast(Tensor, hidden)

    def mix(self, hidden: Tensor, frames: int) -> Tensor:
        """Let each of B * F frames (B * F, c, h, w) see its neighbours; frames: F."""
        if self.config["temporal_layers"]:
            for layer in self.temporal_mixing:
                hidden = layer(hidden, frames)
        return hidden

    def project(self, hidden: Tensor) -> tuple[Tensor, ...]:
        """Turn the state at the lowest resolution into the features of every site."""
        middle, *projections = self.mid_convs
        inner = middle(hidden)
        if self.config["middle"] == "residual":
            inner = inner + hidden
        return tuple(project(inner) for project in projections)

    def add_draft(self, features: tuple[Tensor, ...], draft: Tensor) -> tuple[Tensor, ...]:
        """Add what drafts (N, C, h, w) say to the features (N, c, h, w) of the first site."""
        first, *others = features
        if not self.sees_draft or draft.shape[-2:] != first.shape[-2:]:
            raise ControlError(
                f"drafts {tuple(draft.shape)} do not fit features {tuple(first.shape)} of an "
                f"encoder with {self.config['draft_channels']} draft channels"
            )
        return first + self.draft(draft.to(first.dtype)), *others


def _per_site(channels: int | Sequence[int], sites: int) -> list[int]:
    widths = [channels] * sites if isinstance(channels, int) else list(channels)
    if len(widths) != sites:
        raise ControlError(f"out_channels {widths} and {sites} sites: give one number for each")
    return widths
