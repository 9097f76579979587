"""Cross-normalisation: give a control map the statistics of the feature map it joins."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Order = Literal["norm_pool", "pool_norm"]
Over = Literal["sample", "channel", "place"]

# Axes of (N, C, H, W) that share one mean and one spread.
AXES: dict[Over, tuple[int, ...]] = {"sample": (1, 2, 3), "channel": (2, 3), "place": (1,)}


def cross_normalize(
    control: Tensor, feature: Tensor, *, eps: float, over: Over = "sample"
) -> Tensor:
    """Shift and stretch a control map to the mean and spread of a feature map.

    control: (N, C, h, w); feature: (N, C, H, W), of equal height and width if over is "place".
    Returns float32 (N, C, h, w). Statistics are unbiased and per sample, over `AXES` of it, in
    float32 even under autocast: half precision loses them.
    """
    control, feature = control.float(), feature.float()
    axes = AXES[over]
    control_std, control_mean = torch.std_mean(control, dim=axes, keepdim=True)
    feature_std, feature_mean = torch.std_mean(feature, dim=axes, keepdim=True)
    return (control - control_mean) * (feature_std / (control_std + eps)) + feature_mean


def fit_control(
    control: Tensor, feature: Tensor, *, eps: float, order: Order, over: Over = "sample"
) -> Tensor:
    """Bring a control map to the size and statistics of a feature map.

    control: (N, C, h, w); feature: (N, C, H, W). Returns float32 (N, C, H, W).
    `norm_pool` pools last, which leaves less spread than the feature's; `pool_norm` pools first.
    """
    size = (feature.shape[-2], feature.shape[-1])
    if order == "norm_pool":
        return F.adaptive_avg_pool2d(cross_normalize(control, feature, eps=eps, over=over), size)
    pooled = F.adaptive_avg_pool2d(control.float(), size)
    return cross_normalize(pooled, feature, eps=eps, over=over)
