"""What the control encoder is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

from diffusers.models.resnet import ResnetBlock2D
from einops import rearrange
from torch import Tensor, nn

TIME_WIDTH = 256  # width of the time embedding; official code
STEM_GROUPS = 2  # GroupNorm groups in the stem; official code
RESNET_EPS = 1e-6  # GroupNorm epsilon in the residual blocks; official code
FRAMES_MIXED = 3  # frames that one temporal layer sees; ours, the official encoders have none


class TimedBlock(ResnetBlock2D):  # type: ignore[misc, unused-ignore]
    """A residual block that can be run in two parts, cut where the time embedding joins."""

    def before_time(self, hidden: Tensor) -> Tensor:
        """Normalise, activate and convolve (N, c, h, w) to (N, C, h, w)."""
        convolved: Tensor = self.conv1(self.nonlinearity(self.norm1(hidden)))
        return convolved

    def timed(self, convolved: Tensor, time: Tensor) -> Tensor:
        """Add the time embedding (N, 256); normalise and activate: the second one's input."""
        shift = self.time_emb_proj(self.nonlinearity(time))[:, :, None, None]
        activated: Tensor = self.nonlinearity(self.norm2(convolved + shift))
        return activated

    def after_time(self, convolved: Tensor, hidden: Tensor, time: Tensor) -> Tensor:
        """Finish what `before_time` began; hidden is what that was given."""
        inner = self.conv2(self.dropout(self.timed(convolved, time)))
        shortcut = hidden if self.conv_shortcut is None else self.conv_shortcut(hidden)
        output: Tensor = shortcut + inner
        return output


class TemporalLayer(nn.Module):
    """Mix frames with their neighbours; the identity until it is trained."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(math.gcd(groups, width), width)
        self.conv = nn.Conv3d(width, width, (FRAMES_MIXED, 1, 1), padding=(FRAMES_MIXED // 2, 0, 0))
        for parameter in self.conv.parameters():
            nn.init.zeros_(parameter)

    def forward(self, hidden: Tensor, frames: int) -> Tensor:
        """Return (B * F, c, h, w) of the same shape; frames: F."""
        # Norms are per frame: what is far away in the clip must not matter.
        activated = nn.functional.silu(self.norm(hidden))
        mixed = self.conv(rearrange(activated, "(b f) c h w -> b c f h w", f=frames))
        output: Tensor = hidden + rearrange(mixed, "b c f h w -> (b f) c h w")
        return output


def build_stem(in_channels: int, channels: Sequence[int], padding: int) -> nn.Sequential:
    """Convolutions, the first with stride 2, each with norm and activation."""
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


def build_level(width_in: int, width_out: int, groups: int) -> TimedBlock:
    """A residual block with the largest valid count of groups up to `groups`."""
    # RGB input leaves one group, as in the official SD1.5 encoder.
    return TimedBlock(
        in_channels=width_in,
        out_channels=width_out,
        temb_channels=TIME_WIDTH,
        groups=math.gcd(groups, width_in, width_out),
        eps=RESNET_EPS,
    )


def build_middle(width: int, groups: int, *, normalised: bool) -> nn.Sequential:
    """Two convolutions at the lowest resolution."""
    first, second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
    if not normalised:
        return nn.Sequential(first, nn.ReLU(), second)
    norms = [nn.GroupNorm(math.gcd(groups, width), width) for _ in range(2)]
    return nn.Sequential(first, nn.ReLU(), norms[0], second, norms[1])
