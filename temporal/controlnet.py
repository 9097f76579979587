"""ControlNet for video UNets: a copy of the encoder, joined by zero convolutions.

Source: Zhang et al., arXiv 2302.05543, section 3. diffusers has it for still UNets only; here the
copy is a UNet without its second half, and hooks read what passes. `temporal.beside` adds what
comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from einops import rearrange
from torch import Tensor, nn

from temporal.errors import InjectionError

EMBEDDING_CHANNELS = (16, 32, 96, 256)  # diffusers' and the paper's, each level halves
Residuals = tuple[list[Tensor], Tensor]  # for the skips in their order, and for the middle
# What a UNet must have in common with the one whose copy stands beside it.
SHARED = (
    "in_channels",
    "down_block_types",
    "block_out_channels",
    "layers_per_block",
    "cross_attention_dim",
)


class ControlNet(ModelMixin, ConfigMixin):  # type: ignore[misc, unused-ignore]
    """The first half and the middle of a spatio-temporal UNet, shown control frames as well.

    unet: the settings of the UNet that it stands beside. halvings: how many times a latent is
    smaller than a picture, as a power of 2. control_look: see `ControlNeXt`. drafted: whether the
    denoising starts from drafts, as that UNet has learnt. At first everything it returns is zero.
    """

    # Of what a control encoder can be, see `ControlNeXt`.
    anchored = sees_reference = False
    scale = 1.0

    @register_to_config  # type: ignore[untyped-decorator, unused-ignore]
    def __init__(
        self,
        unet: dict[str, Any],
        halvings: int = 3,
        control_look: str = "official",
        drafted: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        encoder: Any = UNetSpatioTemporalConditionModel.from_config(unet)
        widths = _skip_widths(encoder)
        encoder.up_blocks = nn.ModuleList()
        encoder.conv_norm_out = nn.Identity()
        encoder.conv_out = nn.Identity()
        self.encoder = encoder
        levels = (*EMBEDDING_CHANNELS, *EMBEDDING_CHANNELS[-1:] * halvings)[: halvings + 1]
        self.embedding = ControlNetConditioningEmbedding(widths[0], block_out_channels=levels)
        self.joins = nn.ModuleList([_zero_convolution(width) for width in widths])
        self.middle = _zero_convolution(widths[-1])

    @classmethod
    def from_unet(cls, unet: Any, **others: Any) -> ControlNet:
        """A new one beside this UNet, whose weights it starts from; others: the other settings."""
        settings = {key: value for key, value in unet.config.items() if not key.startswith("_")}
        built: Any = cls(unet=settings, **others)
        weights = unet.state_dict()
        built.encoder.load_state_dict({name: weights[name] for name in built.encoder.state_dict()})
        in_its_format: ControlNet = built.to(unet.dtype)
        return in_its_format

    @property
    def sees_draft(self) -> bool:
        """Whether the denoising starts from drafts, see `ControlNeXt.sees_draft`.

        Unlike an encoder's, its own layers are shown none: it sees them in the noisy latents.
        """
        return bool(self.config["drafted"])

    def check_fits(self, unet: Any) -> None:
        """Raise InjectionError for a UNet of another structure than the one it was made for."""
        own: Mapping[str, Any] = self.config["unet"]
        differ = [key for key in SHARED if _plain(own.get(key)) != _plain(unet.config[key])]
        if differ:
            told = ", ".join(f"{key} {own.get(key)} and {unet.config[key]}" for key in differ)
            raise InjectionError(
                f"the ControlNet was trained beside another UNet than this one ({told}); name "
                "the base that it was trained with"
            )

    def prepare(self, control: Tensor) -> tuple[Tensor]:
        """What depends on the control frames alone, (N, C, h, w), N = B * F.

        control: (B, F, 3, H, W), or single pictures (N, 3, H, W), in [0, 1].
        """
        if control.ndim == 5:
            control = rearrange(control, "b f c h w -> (b f) c h w")
        embedded: Tensor = self.embedding(control.to(self.dtype))
        return (embedded,)

    def forward(self, embedded: Tensor, *args: Any, **kwargs: Any) -> Residuals:
        """Return what is to be added in the UNet's call with these arguments.

        embedded: from `prepare`, (F, C, h, w); a batch of several times F, such as guidance
        halves, is shown the same again.
        """
        skips: list[Tensor] = []
        middle: list[Tensor] = []

        def after_first(module: nn.Module, args: Any, output: Tensor) -> Tensor:
            skips.append(output + _repeated(embedded, output).to(output.dtype))
            return skips[0]

        def after_block(module: nn.Module, args: Any, output: Any) -> None:
            skips.extend(output[1])

        def after_middle(module: nn.Module, args: Any, output: Tensor) -> None:
            middle.append(output)

        handles = [
            self.encoder.conv_in.register_forward_hook(after_first),
            *(block.register_forward_hook(after_block) for block in self.encoder.down_blocks),
            self.encoder.mid_block.register_forward_hook(after_middle),
        ]
        try:
            self.encoder(*args, **kwargs)
        finally:
            for handle in handles:
                handle.remove()
        joined = [join(skip) for join, skip in zip(self.joins, skips, strict=True)]
        return joined, self.middle(middle[0])


def _repeated(embedded: Tensor, like: Tensor) -> Tensor:
    times, rest = divmod(len(like), len(embedded))
    if rest or embedded.shape[1:] != like.shape[1:]:
        raise InjectionError(
            f"control frames as features {tuple(embedded.shape)} do not fit the UNet's "
            f"{tuple(like.shape)}: draw as many as the window has, at the size of the result"
        )
    embedded = embedded.to(like.device)
    return embedded.repeat(times, 1, 1, 1) if times > 1 else embedded


def _zero_convolution(channels: int) -> nn.Conv2d:
    convolution = nn.Conv2d(channels, channels, 1)
    with torch.no_grad():
        for parameter in convolution.parameters():
            parameter.zero_()
    return convolution


def _skip_widths(unet: Any) -> list[int]:
    """Channels of the skips in the order in which the encoder makes them."""
    own = unet.config["block_out_channels"]
    widths = [own[0]]
    for block, width in zip(unet.down_blocks, own, strict=True):
        widths += [width] * (len(block.resnets) + bool(block.downsamplers))
    return widths


def _plain(value: Any) -> Any:
    """A setting as it is after being stored as JSON."""
    return list(value) if isinstance(value, tuple) else value
