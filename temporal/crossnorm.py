"""Cross-normalisation: give a control map the statistics of the feature map it joins."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Order = Literal["norm_pool", "pool_norm"]


def cross_normalize(control: Tensor, feature: Tensor, *, eps: float) -> Tensor:
    """Shift and stretch each control sample to the mean and spread of its feature sample.

    control: (N, C, h, w); feature: (N, C, H, W). Returns float32 (N, C, h, w). Statistics are
    per sample over (C, H, W), unbiased, in float32 even under autocast: half precision loses them.
    """
    control, feature = control.float(), feature.float()
    over = (1, 2, 3)
    control_std, control_mean = torch.std_mean(control, dim=over, keepdim=True)
    feature_std, feature_mean = torch.std_mean(feature, dim=over, keepdim=True)
    return (control - control_mean) * (feature_std / (control_std + eps)) + feature_mean


def fit_control(control: Tensor, feature: Tensor, *, eps: float, order: Order) -> Tensor:
    """Bring a control map to the size and statistics of a feature map.

    control: (N, C, h, w); feature: (N, C, H, W). Returns float32 (N, C, H, W).
    `norm_pool` pools last, which leaves less spread than the feature's; `pool_norm` pools first.
    """
    size = (feature.shape[-2], feature.shape[-1])
    if order == "norm_pool":
        return F.adaptive_avg_pool2d(cross_normalize(control, feature, eps=eps), size)
    return cross_normalize(F.adaptive_avg_pool2d(control.float(), size), feature, eps=eps)
